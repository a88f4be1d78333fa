"""Reads of one operation take turns, so that a wide document can't empty the pool."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

Read = Callable[[AsyncSession], Awaitable[Any]]


class Reader:
    """Runs reads one after another, each in a session that `opened` makes."""

    __slots__ = ("_opened", "_turn")

    def __init__(self, opened: Callable[[], AbstractAsyncContextManager[AsyncSession]]) -> None:
        self._opened = opened
        self._turn: asyncio.Lock | None = None

    async def run(self, read: Read) -> Any:
        """The answer of `read`, given a session; raises what it raises."""
        if self._turn is None:
            self._turn = asyncio.Lock()
        async with self._turn, self._opened() as session:
            return await read(session)
