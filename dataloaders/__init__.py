"""Batch reads. A loader is one plain function: a session and keys in, answers in order out.

`@public` marks a batch that reads the catalog only: it runs on the read-only role, outside
any person's scope, in one trip for all operations that ask at the same moment. `@vouched` marks one
whose keys are the proof that its rows may be seen: it runs in the house's own scope, likewise.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Hashable, Sequence
from typing import Any, TypeVar

from sqlalchemy.ext.asyncio import AsyncSession

from database.coalescer import Rounds
from database.scope import Scope
from database.sessions import Database

Key = TypeVar("Key", bound=Hashable)
Row = TypeVar("Row")
F = TypeVar("F", bound=Callable[..., Any])
Batch = Callable[..., Awaitable[Sequence[Row]]]
BATCH_KEYS = 1000
Known = dict[Any, "asyncio.Future[Any]"]
Fields = frozenset[str] | None
Reading = tuple[Callable[..., Any], Fields]
"""A batch, and the selected children that it was told of."""


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


def vouched(batch: F) -> F:
    """Mark a batch that answers whoever knows a key: its keys are made of rows that the caller has
    been shown, never of what the caller says."""
    batch.vouched = True  # type: ignore[attr-defined] # functions carry attributes
    return batch


class Loaders:
    """One operation's memory of what it has read; its batches go together."""

    def __init__(self, database: Database, scope: Scope) -> None:
        self._public = database.rounds
        self._vouched = database.vouched
        self._trips = database.trips(scope)
        self._known: dict[Reading, Known] = {}
        self._waiting: dict[Reading, list[Any]] = {}
        self._running: set[asyncio.Task[None]] = set()

    def session(self) -> AsyncSession:
        """For a read by key: its statements go with those that batches ask at the same moment."""
        return self._trips.session()

    async def load(self, batch: Callable[..., Awaitable[Sequence[Row]]], key: Any) -> Row:
        """One answer; keys asked for within the same turn of the loop share a statement."""
        known = self._known.setdefault((batch, None), {})
        future = known.get(key)
        rounds = self._rounds(batch)
        if future is None and rounds is not None:
            (found,) = await rounds.read(batch, (key,))
            future = known[key] = asyncio.get_running_loop().create_future()
            future.set_result(found)
            return found  # type: ignore[no-any-return] # it answers what the batch says
        if future is None:
            future = self._begin((batch, None), key)
        # A canceled waiter must not cancel the answer that others wait for.
        answer: Row = await asyncio.shield(future)
        return answer

    def foresee(self, batch: Callable[..., Any], key: Any, fields: Fields = None) -> None:
        """Begin to read what will be asked for if another read finds what it looks for."""
        if self._rounds(batch) is None and key not in self._known.get((batch, fields), ()):
            self._begin((batch, fields), key)

    def read_ahead(self, batch: Callable[..., Any], ahead: Callable[..., Any], key: Any) -> None:
        """Begin to read by `ahead` what `batch` will be asked for: a pair of its key and answer."""
        self._run(self._ahead(batch, ahead, key))

    async def _ahead(self, batch: Callable[..., Any], ahead: Callable[..., Any], key: Any) -> None:
        try:
            (found,) = await self._read(ahead, None, [key])
        except Exception:
            return  # Whoever needs the answer asks the batch for it, and hears what is wrong.
        if found is not None:
            known = self._known.setdefault((batch, None), {})
            if found[0] not in known:
                known[found[0]] = asyncio.get_running_loop().create_future()
            _set(known[found[0]], found[1])

    def known(
        self, batch: Callable[..., Any], keys: Sequence[Any], fields: Fields = None
    ) -> list[Any] | None:
        """The answers, exceptions among them, when all of them have been read already."""
        known = self._known.get((batch, fields))
        if known is None:
            return None
        found = [known.get(key) for key in keys]
        if not all(one is not None and one.done() and not one.cancelled() for one in found):
            return None
        return [one.exception() or one.result() for one in found if one is not None]

    async def batch(
        self, batch: Callable[..., Any], keys: Sequence[Any], fields: Fields = None
    ) -> list[Any]:
        """The answers of a whole level at once; `fields` are the selected children."""
        name = batch, fields
        if fields is not None and name not in self._known:
            return list(await self._read(batch, fields, list(keys)))
        known = self._known.setdefault(name, {})
        missing = [key for key in dict.fromkeys(keys) if key not in known]
        if missing:
            loop = asyncio.get_running_loop()
            known.update((key, loop.create_future()) for key in missing)
            await self._settle(name, missing, [known[key] for key in missing])
        found = self.known(batch, keys, fields)
        return [await _answer(known[key]) for key in keys] if found is None else found

    def forget(self) -> None:
        """Read afresh: a subscription outlives the rows it has already loaded."""
        self._known = {name: {k: known[k] for k in keys} for name, keys, known in self._asked()}

    def _asked(self) -> list[tuple[Reading, list[Any], Known]]:
        """What is still waiting to be read, and therefore not stale."""
        return [(name, keys, self._known[name]) for name, keys in self._waiting.items()]

    def _begin(self, name: Reading, key: Any) -> "asyncio.Future[Any]":
        """Read this key with all those that are asked for in this turn of the loop."""
        loop = asyncio.get_running_loop()
        future = self._known.setdefault(name, {})[key] = loop.create_future()
        waiting = self._waiting.setdefault(name, [])
        if not waiting:
            loop.call_soon(self._start, name)
        waiting.append(key)
        return future

    def _start(self, name: Reading) -> None:
        keys = self._waiting.pop(name)
        futures = [self._known[name][key] for key in keys]
        self._run(self._settle(name, keys, futures))

    def _run(self, reading: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(reading)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _settle(
        self, name: Reading, keys: list[Any], futures: "list[asyncio.Future[Any]]"
    ) -> None:
        try:
            answers = await self._read(*name, keys)
        except BaseException as error:
            aborted = not isinstance(error, Exception)
            answers = [LookupAborted() if aborted else error] * len(keys)
            if aborted:
                raise
        finally:
            for future, answer in zip(futures, answers, strict=False):
                _set(future, answer)

    def _rounds(self, batch: Callable[..., Any]) -> Rounds | None:
        """With whom the batch's reads are shared; None when they are this operation's own."""
        if getattr(batch, "public", False):
            return self._public
        return self._vouched if getattr(batch, "vouched", False) else None

    async def _read(self, batch: Callable[..., Any], fields: Fields, keys: list[Any]) -> list[Any]:
        extra = () if fields is None else (fields,)
        rounds = self._rounds(batch)
        if rounds is not None:
            return await rounds.read(batch, keys, *extra)
        session = self.session()
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
