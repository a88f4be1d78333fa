"""Merges different statements of one operation that run at the same moment into one round trip.

The fields of a page's level each have their own statement, and each round trip costs more than what
most of them read. A statement that has no company runs by itself. An error fails only the statement
that caused it: then each of the batch runs again by itself.

`Coalescer` (database/coalescer.py) is something else: it merges the keys of one kind of read over
all operations of a process.
"""

import asyncio
from operator import itemgetter
from typing import Any

from asyncpg import PostgresError

from database.connections import breaks_connection
from database.read_pool import ReadPool, ReadSession
from database.statement_merge import merge_statements
from database.statements import CompiledStatement

MAX_MERGED_STATEMENTS = 16
"""How many statements share a round trip, so that no plan grows without bound."""


class StatementRequest:
    """One statement with its values, and the future of its records."""

    __slots__ = ("mergeable", "records", "text", "values")

    def __init__(self, mergeable: bool, text: str, values: list[Any]) -> None:
        self.mergeable = mergeable
        self.text = text
        self.values = values
        self.records: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def answer(self, records: Any) -> None:
        """Pass the records to the reader, unless it has been canceled."""
        if not self.records.done():
            self.records.set_result(records)

    def fail(self, error: Exception) -> None:
        """Raise an error in the reader, unless it has been canceled."""
        if not self.records.done():
            self.records.set_exception(error)


class ReadBatcher:
    """One operation's reads in one scope: one round trip at a time, so that a wide document can't
    use up the pool. Statements that come during a round trip share the next one."""

    __slots__ = ("_pending", "_pool", "_scheduled", "_scope", "_sent", "_task")

    def __init__(self, pool: ReadPool, scope: str | None) -> None:
        self._pool = pool
        self._scope = scope
        self._pending: list[StatementRequest] = []
        self._sent: list[StatementRequest] = []
        self._task: asyncio.Task[None] | None = None
        self._scheduled = False

    def session(self) -> "BatchedReadSession":
        """A session for one reader; it holds no connection between its statements."""
        return BatchedReadSession(self)

    @property
    def pool(self) -> ReadPool:
        return self._pool

    async def fetch(self, compiled: CompiledStatement, text: str, values: list[Any]) -> Any:
        """The records; raises what this statement raises by itself."""
        request = StatementRequest(compiled.mergeable, text, values)
        self._pending.append(request)
        self._schedule()
        try:
            return await request.records
        except asyncio.CancelledError:
            if self._task is not None and all(one.records.done() for one in self._sent):
                self._task.cancel()  # nobody waits for this round trip any more
            raise

    def _schedule(self) -> None:
        if not self._scheduled and self._task is None:
            # Statements of the same turn of the event loop still join.
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._begin)

    def _begin(self) -> None:
        self._scheduled = False
        self._task = asyncio.ensure_future(self._send_all())

    async def _send_all(self) -> None:
        try:
            while self._pending:
                batch = self._pending[:MAX_MERGED_STATEMENTS]
                self._pending = self._pending[MAX_MERGED_STATEMENTS:]
                self._sent = [one for one in batch if not one.records.done()]
                if self._sent:
                    await self._send(self._sent)
        finally:
            self._task = None
            self._sent = []
            if self._pending:
                self._schedule()

    async def _send(self, requests: list[StatementRequest]) -> None:
        try:
            async with self._pool.session(self._scope) as session:
                await _run(session, requests)
        except Exception as error:
            for request in requests:
                request.fail(error)


class BatchedReadSession(ReadSession):
    """A session whose statements share round trips with those of other readers."""

    def __init__(self, batcher: ReadBatcher) -> None:
        super().__init__(None, batcher.pool)
        self._batcher = batcher

    async def _fetch(self, statement: Any, params: Any) -> Any:
        compiled, text, values = self._pool.statement_cache.bind(statement, params or {})
        return compiled, await self._batcher.fetch(compiled, text, values)


async def _run(session: ReadSession, requests: list[StatementRequest]) -> None:
    mergeable = [one for one in requests if one.mergeable]
    if len(mergeable) > 1 and await _run_merged(session, mergeable):
        requests = [one for one in requests if not one.mergeable]
    for request in requests:
        if request.records.done():
            continue  # the reader has been canceled
        try:
            records = await session.fetch_records(request.text, request.values)
        except Exception as error:
            if breaks_connection(error):
                raise  # the connection is of no use to the others either
            request.fail(error)
        else:
            request.answer(records)


async def _run_merged(session: ReadSession, requests: list[StatementRequest]) -> bool:
    """Whether one statement answered them all; if not, one of them may be wrong."""
    # Sorted, so that the same statements make the same text in whatever order they came.
    order = sorted(range(len(requests)), key=lambda nth: requests[nth].text)
    ordered = [requests[nth] for nth in order]
    text = merge_statements(
        tuple(one.text for one in ordered), tuple(len(one.values) for one in ordered)
    )
    values = [value for one in ordered for value in one.values]
    try:
        (columns,) = await session.fetch_records(text, values)
    except PostgresError as error:
        if breaks_connection(error):
            raise
        return False
    # The first reader is answered last: it then goes on with all that the others have read.
    for nth, records in sorted(zip(order, columns, strict=True), reverse=True, key=itemgetter(0)):
        requests[nth].answer(records)
    return True
