"""Statements that several readers ask at the same moment, sent in one trip.

The fields of a page's level each have their own statement, and each trip to the database costs more
than what most of them ask for. So they are gathered for a moment and sent as one; who is alone is
sent alone. One statement's error is nobody else's: then each is sent again by itself.
"""

import asyncio
from operator import itemgetter
from typing import Any

from asyncpg import PostgresError

from database.connections import breaks
from database.reading import Reading, ReadPool
from database.statement_merge import merged
from database.statements import Shape

GATHERED_AT_MOST = 16
"""How many statements go in one trip, so that no plan grows without end."""


class Asked:
    """One statement with its values, and who waits for its rows."""

    __slots__ = ("answer", "merges", "text", "values")

    def __init__(self, merges: bool, text: str, values: list[Any]) -> None:
        self.merges = merges
        self.text = text
        self.values = values
        self.answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()


class Trips:
    """One operation's reads in one scope: one trip at a time, so that a wide document can't empty
    the pool. What is asked during a trip goes in the next one."""

    __slots__ = ("_asked", "_called", "_pool", "_scope", "_sent", "_task")

    def __init__(self, pool: ReadPool, scope: str | None) -> None:
        self._pool = pool
        self._scope = scope
        self._asked: list[Asked] = []
        self._sent: list[Asked] = []
        self._task: asyncio.Task[None] | None = None
        self._called = False

    def session(self) -> "Together":
        """A session for one reader; it holds no connection between its statements."""
        return Together(self)

    @property
    def pool(self) -> ReadPool:
        return self._pool

    async def fetch(self, shape: Shape, text: str, values: list[Any]) -> Any:
        """The rows, once they have come; raises what this statement raises by itself."""
        asked = Asked(shape.merges, text, values)
        self._asked.append(asked)
        self._call()
        try:
            return await asked.answer
        except asyncio.CancelledError:
            if self._task is not None and all(one.answer.done() for one in self._sent):
                self._task.cancel()  # Nobody waits for this trip any more.
            raise

    def _call(self) -> None:
        if not self._called and self._task is None:
            # Whoever asks in this turn of the loop comes along.
            self._called = True
            asyncio.get_running_loop().call_soon(self._begin)

    def _begin(self) -> None:
        self._called = False
        self._task = asyncio.ensure_future(self._travel())

    async def _travel(self) -> None:
        try:
            while self._asked:
                going, self._asked = (
                    self._asked[:GATHERED_AT_MOST],
                    self._asked[GATHERED_AT_MOST:],
                )
                self._sent = [one for one in going if not one.answer.done()]
                if self._sent:
                    await self._trip(self._sent)
        finally:
            self._task = None
            self._sent = []
            if self._asked:
                self._call()

    async def _trip(self, sent: list[Asked]) -> None:
        try:
            async with self._pool.reading(self._scope) as session:
                await _send(session, sent)
        except Exception as error:
            for one in sent:
                _fail(one, error)


class Together(Reading):
    """A session whose statements go out with those of other readers."""

    def __init__(self, trips: Trips) -> None:
        super().__init__(None, trips.pool)
        self._trips = trips

    async def _fetch(self, statement: Any, params: Any) -> Any:
        shape, text, values = self._pool.shapes.asked(statement, params or {})
        return shape, await self._trips.fetch(shape, text, values)


async def _send(session: Reading, sent: list[Asked]) -> None:
    together = [one for one in sent if one.merges]
    if len(together) > 1 and await _as_one(session, together):
        sent = [one for one in sent if not one.merges]
    for one in sent:
        if one.answer.done():
            continue  # Whoever asked has left.
        try:
            found = await session.records(one.text, one.values)
        except Exception as error:
            if breaks(error):
                raise  # The connection is of no use to the others either.
            _fail(one, error)
        else:
            _tell(one, found)


async def _as_one(session: Reading, sent: list[Asked]) -> bool:
    """Whether all were answered by one statement; if not, one of them may be at fault."""
    # The same ones are the same statement, in whatever order they were asked.
    places = sorted(range(len(sent)), key=lambda nth: sent[nth].text)
    going = [sent[nth] for nth in places]
    text = merged(tuple(one.text for one in going), tuple(len(one.values) for one in going))
    try:
        (answers,) = await session.records(text, [value for one in going for value in one.values])
    except PostgresError as error:
        if breaks(error):
            raise
        return False
    # Who asked first hears last: it goes on with what the others were sent for.
    for nth, found in sorted(zip(places, answers, strict=True), reverse=True, key=itemgetter(0)):
        _tell(sent[nth], found)
    return True


def _tell(one: Asked, found: Any) -> None:
    if not one.answer.done():
        one.answer.set_result(found)


def _fail(one: Asked, error: Exception) -> None:
    if not one.answer.done():
        one.answer.set_exception(error)
