"""Batch reads. A loader is one plain function: a session and keys in, answers in order out.

`@public` marks a batch that reads the catalog only: it runs on the read-only role, outside
any person's scope, in one trip for all operations that ask at the same moment.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Any, TypeVar

from models.actor import Scope
from models.database import Database

Key = TypeVar("Key", bound=Hashable)
Row = TypeVar("Row")
F = TypeVar("F", bound=Callable[..., Any])
Batch = Callable[..., Awaitable[Sequence[Row]]]
BATCH_KEYS = 1000
Known = dict[Any, "asyncio.Future[Any]"]


def public(batch: F) -> F:
    """Mark a batch that reads nothing but the public catalog."""
    batch.public = True  # type: ignore[attr-defined] # functions carry attributes
    return batch


def lasting(seconds: float) -> Callable[[F], F]:
    """Mark a public batch whose answers may be as old as that: nobody misses what came since."""

    def mark(batch: F) -> F:
        batch.lasts_seconds = seconds  # type: ignore[attr-defined] # functions carry attributes
        return public(batch)

    return mark


class Loaders:
    """One operation's memory of what it has read; its batches go together."""

    def __init__(self, database: Database, scope: Scope) -> None:
        self._rounds = database.catalog.rounds
        self._trips = database.trips(scope)
        self._known: dict[Any, Known] = {}
        self._waiting: dict[Any, list[Any]] = {}
        self._running: set[asyncio.Task[None]] = set()

    async def load(self, batch: Callable[..., Awaitable[Sequence[Row]]], key: Any) -> Row:
        """One answer; keys asked for within the same turn of the loop share a statement."""
        known = self._known.setdefault(batch, {})
        future = known.get(key)
        if future is None and getattr(batch, "public", False):
            (found,) = await self._rounds.read(batch, (key,))
            future = known[key] = asyncio.get_running_loop().create_future()
            future.set_result(found)
            return found  # type: ignore[no-any-return] # it answers what the batch says
        if future is None:
            loop = asyncio.get_running_loop()
            future = known[key] = loop.create_future()
            waiting = self._waiting.setdefault(batch, [])
            if not waiting:
                loop.call_soon(self._start, batch)
            waiting.append(key)
        # A canceled waiter must not cancel the answer that others wait for.
        answer: Row = await asyncio.shield(future)
        return answer

    async def batch(
        self, batch: Callable[..., Any], keys: Sequence[Any], fields: frozenset[str] | None = None
    ) -> list[Any]:
        """The answers of a whole level at once; `fields` are the selected children."""
        if fields is not None:
            return list(await self._read(batch, list(keys), fields))
        known = self._known.setdefault(batch, {})
        missing = [key for key in dict.fromkeys(keys) if key not in known]
        if missing:
            loop = asyncio.get_running_loop()
            known.update((key, loop.create_future()) for key in missing)
            await self._settle(batch, missing, [known[key] for key in missing])
        return [await _answer(known[key]) for key in keys]

    def forget(self) -> None:
        """Read afresh: a subscription outlives the rows it has already loaded."""
        self._known = {batch: {k: known[k] for k in keys} for batch, keys, known in self._asked()}

    def _asked(self) -> list[tuple[Any, list[Any], Known]]:
        """What is still waiting to be read, and therefore not stale."""
        return [(batch, keys, self._known[batch]) for batch, keys in self._waiting.items()]

    def _start(self, batch: Callable[..., Any]) -> None:
        keys = self._waiting.pop(batch)
        futures = [self._known[batch][key] for key in keys]
        task = asyncio.ensure_future(self._settle(batch, keys, futures))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _settle(
        self, batch: Callable[..., Any], keys: list[Any], futures: "list[asyncio.Future[Any]]"
    ) -> None:
        try:
            answers = await self._read(batch, keys)
        except BaseException as error:
            aborted = not isinstance(error, Exception)
            answers = [LookupAborted() if aborted else error] * len(keys)
            if aborted:
                raise
        finally:
            for future, answer in zip(futures, answers, strict=False):
                _set(future, answer)

    async def _read(
        self, batch: Callable[..., Any], keys: list[Any], fields: frozenset[str] | None = None
    ) -> list[Any]:
        extra = () if fields is None else (fields,)
        if getattr(batch, "public", False):
            return await self._rounds.read(batch, keys, *extra)

        session = self._trips.session()
        answers: list[Any] = []
        for start in range(0, len(keys), BATCH_KEYS):
            part = keys[start : start + BATCH_KEYS]
            found = await batch(session, part, *extra)
            if len(found) != len(part):
                name = getattr(batch, "__name__", "batch")
                raise LookupError(f"{name} answered {len(found)} of {len(part)} keys")
            answers.extend(found)
        return answers


class LookupAborted(Exception):
    """The batch that would have answered was canceled."""


def _set(future: "asyncio.Future[Any]", answer: Any) -> None:
    if future.done():
        return
    if isinstance(answer, Exception):
        future.set_exception(answer)
        future.exception()  # marks it as seen: whoever awaits it still gets it
    else:
        future.set_result(answer)


async def _answer(future: "asyncio.Future[Any]") -> Any:
    if future.done() and not future.cancelled():
        return future.exception() or future.result()
    try:
        return await asyncio.shield(future)
    except Exception as error:
        return error
