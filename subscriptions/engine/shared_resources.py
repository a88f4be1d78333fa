"""Resources that several subscriptions share and that close with the last of them."""

from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import asynccontextmanager
from typing import Any, Protocol, TypeVar


class Closable(Protocol):
    """A resource that has to be closed."""

    async def close(self) -> None: ...


Resource = TypeVar("Resource", bound=Closable)


class SharedResources:
    """Opens a resource for its first user and closes it after its last."""

    def __init__(self) -> None:
        self._open: dict[Hashable, tuple[Any, int]] = {}

    @asynccontextmanager
    async def use(
        self, key: Hashable, open_resource: Callable[[], Resource]
    ) -> AsyncIterator[Resource]:
        """Use the resource of `key`; the first user opens it with `open_resource`."""
        entry: tuple[Resource, int] | None = self._open.get(key)
        resource, user_count = entry or (open_resource(), 0)
        self._open[key] = resource, user_count + 1
        try:
            yield resource
        finally:
            await self._release(key)

    async def _release(self, key: Hashable) -> None:
        resource, user_count = self._open[key]
        if user_count > 1:
            self._open[key] = resource, user_count - 1
            return
        del self._open[key]
        await resource.close()
