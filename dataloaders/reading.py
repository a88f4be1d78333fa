"""Reads of one operation share short transactions instead of opening one each.

The batches of a level are asked for together: they run one after another on one connection, and the
transaction ends as soon as nothing more is asked. One BEGIN and one ROLLBACK for a level, not for a
batch, and one connection for an operation, so that a wide document can't empty the pool.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

Read = Callable[[AsyncSession], Awaitable[Any]]
# A level's answers need some turns of the loop to become the next level's questions.
LINGER_TURNS = 6


class Reader:
    """Runs reads in turn; `opened` makes the session that they share."""

    def __init__(self, opened: Callable[[], AbstractAsyncContextManager[AsyncSession]]) -> None:
        self._opened = opened
        self._waiting: deque[tuple[Read, asyncio.Future[Any]]] = deque()
        self._task: asyncio.Task[None] | None = None

    async def run(self, read: Read) -> Any:
        """The answer of `read`, given a session; raises what it raises."""
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append((read, future))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._work())
        try:
            return await future
        except asyncio.CancelledError:
            if all(other.done() for _, other in self._waiting):
                self._task.cancel()  # nobody waits any more: the statement under way ends too
            raise

    async def _work(self) -> None:
        while self._waiting:
            try:
                async with self._opened() as session:
                    await self._work_in(session)
            except Exception as error:
                self._fail(error)

    async def _work_in(self, session: AsyncSession) -> None:
        """Run what waits, until nothing does or a read fails and spoils the transaction."""
        while await self._more():
            read, future = self._waiting.popleft()
            if future.done():
                continue
            try:
                answer = await read(session)
            except Exception as error:
                if not future.done():
                    future.set_exception(error)
                return
            if not future.done():
                future.set_result(answer)

    async def _more(self) -> bool:
        for _ in range(LINGER_TURNS):
            if self._waiting:
                return True
            await asyncio.sleep(0)
        return bool(self._waiting)

    def _fail(self, error: Exception) -> None:
        """No session could be had: all that wait hear so."""
        while self._waiting:
            _, future = self._waiting.popleft()
            if not future.done():
                future.set_exception(error)
