"""The reads of one operation: what it has read, and which of its reads are merged."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, TypeVar

from sqlalchemy.ext.asyncio import AsyncSession

from database.coalescer import CoalescedReads
from database.read_batcher import ReadBatcher
from database.scope import Scope
from database.sessions import Database
from dataloaders.batches import BATCH_OPTIONS, BatchOptions, BatchScope

Row = TypeVar("Row")
MAX_KEYS = 1000
Answers = dict[Any, "asyncio.Future[Any]"]
"""The answer, or the error, for each key that has been asked for."""
Fields = frozenset[str] | None
BatchKey = tuple[Callable[..., Any], Fields]
"""A batch, and the selected child fields that it is given."""


class LookupAborted(Exception):
    """The batch that would have answered was canceled."""


class Loaders:
    """One operation's cache of what it has read; its batches are merged into few round trips."""

    def __init__(self, database: Database, scope: Scope) -> None:
        self._database = database
        self._scope = scope
        self._batcher: ReadBatcher | None = None
        """Opened by the first read: some operations read nothing."""
        self._answers: dict[BatchKey, Answers] = {}
        self._pending: dict[BatchKey, list[Any]] = {}
        self._running: set[asyncio.Task[None]] = set()

    def session(self) -> AsyncSession:
        """A session whose statements are merged with those of batches that run at the moment."""
        if self._batcher is None:
            self._batcher = self._database.read_batcher(self._scope)
        return self._batcher.session()

    async def load(self, batch: Callable[..., Awaitable[Sequence[Row]]], key: Any) -> Row:
        """The answer for one key; keys of the same turn of the event loop share a statement."""
        answers = self._answers.setdefault((batch, None), {})
        future = answers.get(key)
        if future is None:
            options = BATCH_OPTIONS.get(batch)
            if options is not None:
                reads = self._merged_reads(options)
                (row,) = await reads.read(batch, (key,), (), options.lifetime_seconds)
                future = answers[key] = asyncio.get_running_loop().create_future()
                future.set_result(row)
                return row  # type: ignore[no-any-return] # the batch declares what it answers
            future = self._begin((batch, None), key)
        # A canceled caller must not cancel the answer of the others.
        answer: Row = await asyncio.shield(future)
        return answer

    def prefetch(self, batch: Callable[..., Any], key: Any, fields: Fields = None) -> None:
        """Begin to read what will be asked for if another read finds its row."""
        if batch not in BATCH_OPTIONS and key not in self._answers.get((batch, fields), ()):
            self._begin((batch, fields), key)

    def read_ahead(self, batch: Callable[..., Any], ahead: Callable[..., Any], key: Any) -> None:
        """Begin to read by `ahead`, which answers a pair of `batch`'s key and its answer."""
        self._run(self._read_ahead(batch, ahead, key))

    async def _read_ahead(
        self, batch: Callable[..., Any], ahead: Callable[..., Any], key: Any
    ) -> None:
        try:
            (pair,) = await self._read(ahead, None, [key])
        except Exception:
            return  # whoever needs the answer asks the batch for it, and gets the error
        if pair is not None:
            answers = self._answers.setdefault((batch, None), {})
            if pair[0] not in answers:
                answers[pair[0]] = asyncio.get_running_loop().create_future()
            _set(answers[pair[0]], pair[1])

    def loaded(
        self, batch: Callable[..., Any], keys: Sequence[Any], fields: Fields = None
    ) -> list[Any] | None:
        """The answers, exceptions among them, if all of them have been read already."""
        answers = self._answers.get((batch, fields))
        if answers is None:
            return None
        futures = [answers.get(key) for key in keys]
        if not all(one is not None and one.done() and not one.cancelled() for one in futures):
            return None
        return [one.exception() or one.result() for one in futures if one is not None]

    async def load_many(
        self, batch: Callable[..., Any], keys: Sequence[Any], fields: Fields = None
    ) -> list[Any]:
        """The answers for a whole level, exceptions among them; `fields` are the selected child
        fields."""
        name = batch, fields
        if fields is not None and name not in self._answers:
            return list(await self._read(batch, fields, list(keys)))
        answers = self._answers.setdefault(name, {})
        missing = [key for key in dict.fromkeys(keys) if key not in answers]
        if missing:
            loop = asyncio.get_running_loop()
            answers.update((key, loop.create_future()) for key in missing)
            await self._resolve(name, missing, [answers[key] for key in missing])
        loaded = self.loaded(batch, keys, fields)
        return [await _answer(answers[key]) for key in keys] if loaded is None else loaded

    def clear(self) -> None:
        """Read everything again: a subscription outlives the rows that it has loaded."""
        pending = [(name, keys, self._answers[name]) for name, keys in self._pending.items()]
        self._answers = {name: {key: known[key] for key in keys} for name, keys, known in pending}

    def _begin(self, name: BatchKey, key: Any) -> "asyncio.Future[Any]":
        """Read this key together with all others of this turn of the event loop."""
        loop = asyncio.get_running_loop()
        future = self._answers.setdefault(name, {})[key] = loop.create_future()
        pending = self._pending.setdefault(name, [])
        if not pending:
            loop.call_soon(self._start, name)
        pending.append(key)
        return future

    def _start(self, name: BatchKey) -> None:
        keys = self._pending.pop(name)
        futures = [self._answers[name][key] for key in keys]
        self._run(self._resolve(name, keys, futures))

    def _run(self, reading: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(reading)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _resolve(
        self, name: BatchKey, keys: list[Any], futures: "list[asyncio.Future[Any]]"
    ) -> None:
        """Read the keys and set their futures, to an error if the read fails."""
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

    def _merged_reads(self, options: BatchOptions) -> CoalescedReads:
        """With which reads of other operations a batch is merged."""
        public = options.scope is BatchScope.PUBLIC
        database = self._database
        return database.public_reads if public else database.trusted_key_reads

    async def _read(self, batch: Callable[..., Any], fields: Fields, keys: list[Any]) -> list[Any]:
        arguments = () if fields is None else (fields,)
        options = BATCH_OPTIONS.get(batch)
        if options is not None:
            reads = self._merged_reads(options)
            return await reads.read(batch, keys, arguments, options.lifetime_seconds)
        session = self.session()
        answers: list[Any] = []
        for start in range(0, len(keys), MAX_KEYS):
            part = keys[start : start + MAX_KEYS]
            read = await batch(session, part, *arguments)
            if len(read) != len(part):
                name = getattr(batch, "__name__", "batch")
                raise LookupError(f"{name} answered {len(read)} of {len(part)} keys")
            answers.extend(read)
        return answers


def _set(future: "asyncio.Future[Any]", answer: Any) -> None:
    if future.done():
        return
    if isinstance(answer, Exception):
        future.set_exception(answer)
        future.exception()  # marks it as retrieved; whoever awaits it still gets it
    else:
        future.set_result(answer)


async def _answer(future: "asyncio.Future[Any]") -> Any:
    if future.done() and not future.cancelled():
        return future.exception() or future.result()
    try:
        return await asyncio.shield(future)
    except Exception as error:
        return error
