"""Things that several subscriptions use at the same time, and that end with the last of them."""

from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import asynccontextmanager
from typing import Any, Protocol, TypeVar


class Closing(Protocol):
    """Whatever has to be closed."""

    async def close(self) -> None: ...


Common = TypeVar("Common", bound=Closing)


class Commons:
    """Opens a thing for the first who needs it, and closes it behind the last."""

    def __init__(self) -> None:
        self._open: dict[Hashable, tuple[Any, int]] = {}

    @asynccontextmanager
    async def use(self, key: Hashable, make: Callable[[], Common]) -> AsyncIterator[Common]:
        """What `make` opens, one for all who use it by an equal key."""
        held: tuple[Common, int] | None = self._open.get(key)
        common, users = held or (make(), 0)
        self._open[key] = common, users + 1
        try:
            yield common
        finally:
            await self._leave(key)

    async def _leave(self, key: Hashable) -> None:
        common, users = self._open[key]
        if users > 1:
            self._open[key] = common, users - 1
            return
        del self._open[key]
        await common.close()
