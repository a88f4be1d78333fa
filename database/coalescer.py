"""Reads of what is public, made together for all who ask at the same moment.

Whoever asks while a statement of the same kind is under way waits for the next one, which answers
all that have gathered until then, each key once. So many requests cost few trips, one that is alone
waits for nobody, and everybody's answer was read after they asked for it. A batch may say that its
answers last (`lasts_seconds`): what hardly changes and is costly to read.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

Batch = Callable[..., Awaitable[Sequence[Any]]]
Opened = Callable[[], AbstractAsyncContextManager[AsyncSession]]
ROUND_KEYS = 1000
# Two, so that a slow statement does not hold up all others of its kind; the second one begins when
# the first is slow, as fewer and larger rounds cost less.
ROUNDS_AT_ONCE = 2
SLOW_SECONDS = 0.005


class Rounds:
    """The reads of one process; each kind (a batch and its further arguments) has a line."""

    __slots__ = ("_lines", "_opened")

    def __init__(self, opened: Opened) -> None:
        self._opened = opened
        self._lines: dict[Hashable, _Line] = {}

    async def read(self, batch: Batch, keys: Sequence[Any], *more: Any) -> list[Any]:
        """The answer of `batch` to each key; raises what it raises for these keys alone."""
        line = self._lines.get((batch, more))
        if line is None:
            lasting = getattr(batch, "lasts_seconds", None) is not None
            made = (_LastingLine if lasting else _Line)(batch, more, self._opened)
            line = self._lines[batch, more] = made
        return await line.read(keys)


class _Round:
    """Keys that are asked for in one go, and who waits for them."""

    __slots__ = ("answers", "keys", "readers", "task")

    def __init__(self) -> None:
        self.keys: dict[Any, None] = {}
        self.readers = 0
        self.answers: asyncio.Future[dict[Any, Any]]
        self.answers = asyncio.get_running_loop().create_future()
        self.task: asyncio.Task[None] | None = None


class _Line:
    """The rounds of one kind that are under way, and those that gather."""

    __slots__ = ("_batch", "_called", "_more", "_opened", "_rounds", "_under_way")

    def __init__(self, batch: Batch, more: tuple[Any, ...], opened: Opened) -> None:
        self._batch = batch
        self._more = more
        self._opened = opened
        self._rounds: deque[_Round] = deque()
        self._under_way = 0
        self._called = False

    async def read(self, keys: Sequence[Any]) -> list[Any]:
        """The answers, read with whatever else is asked for until the round begins."""
        if len(keys) > ROUND_KEYS:
            return await self._alone(keys)
        joined = self._join(keys)
        try:
            # Who leaves must not take the answers away from the others.
            answers = await asyncio.shield(joined.answers)
        except asyncio.CancelledError:
            joined.readers -= 1
            if not joined.readers and joined.task is not None:
                joined.task.cancel()
            raise
        except Exception:
            if joined.readers == 1:
                raise
            return await self._alone(keys)  # It may be another one's key that can't be read.
        return [answers[key] for key in keys]

    def _join(self, keys: Sequence[Any]) -> _Round:
        rounds = self._rounds
        if not rounds or len(rounds[-1].keys) + len(keys) > ROUND_KEYS:
            rounds.append(_Round())
        joined = rounds[-1]
        joined.keys.update(dict.fromkeys(keys))
        joined.readers += 1
        if not self._called and self._under_way < ROUNDS_AT_ONCE:
            self._called = True
            loop = asyncio.get_running_loop()
            if self._under_way:
                loop.call_later(SLOW_SECONDS, self._begin)
            else:
                loop.call_soon(self._begin)  # Who asks in this turn of the loop may still join.
        return joined

    def _begin(self) -> None:
        self._called = False
        while self._rounds and self._under_way < ROUNDS_AT_ONCE:
            beginning = self._rounds.popleft()
            if beginning.readers:
                self._under_way += 1
                beginning.task = asyncio.ensure_future(self._run(beginning))

    async def _run(self, running: _Round) -> None:
        keys = list(running.keys)
        answers = running.answers
        try:
            found = await self._ask(keys)
            answers.set_result(dict(zip(keys, found, strict=True)))
        except BaseException as error:
            said = error if isinstance(error, Exception) else TimeoutError("not read")
            answers.set_exception(said)
            answers.exception()  # seen: those who wait get it all the same
            if said is not error:
                raise  # canceled: nobody may be left waiting
        finally:
            self._under_way -= 1
            self._begin()

    async def _alone(self, keys: Sequence[Any]) -> list[Any]:
        found: list[Any] = []
        for start in range(0, len(keys), ROUND_KEYS):
            found += await self._ask(keys[start : start + ROUND_KEYS])
        return found

    async def _ask(self, keys: Sequence[Any]) -> Sequence[Any]:
        async with self._opened() as session:
            found = await self._batch(session, keys, *self._more)
        if len(found) != len(keys):
            name = getattr(self._batch, "__name__", "batch")
            raise LookupError(f"{name} answered {len(found)} of {len(keys)} keys")
        return found


class _LastingLine(_Line):
    """A line whose answers hold for a while: whoever asks for one meanwhile gets the same."""

    __slots__ = ("_answers",)

    def __init__(self, batch: Batch, more: tuple[Any, ...], opened: Opened) -> None:
        super().__init__(batch, more, opened)
        self._answers: dict[Any, tuple[float, Any]] = {}

    async def read(self, keys: Sequence[Any]) -> list[Any]:
        """The answers, none of them read longer ago than they last."""
        now = asyncio.get_running_loop().time()
        known = {key: self._answers.get(key) for key in keys}
        found = {key: one[1] for key, one in known.items() if one and one[0] > now}
        missing = [key for key in known if key not in found]
        if missing:
            read = dict(zip(missing, await super().read(missing), strict=True))
            if len(self._answers) + len(read) > ROUND_KEYS:
                self._answers.clear()
            until = now + self._batch.lasts_seconds  # type: ignore[attr-defined] # functions carry attributes
            self._answers.update((key, (until, one)) for key, one in read.items())
            found |= read
        return [found[key] for key in keys]
