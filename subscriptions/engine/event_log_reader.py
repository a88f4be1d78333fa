"""Reads what listeners have missed, for many of them in one statement.

After an outage every listener of a process lags at the same moment: those who ask within a few
milliseconds share a statement, and those at the same place of the same stream share its rows.
Nearly all of it has just happened, so that two days are read at first; where that does not continue
a place without a gap, the whole log is.
"""

import asyncio
from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from itertools import islice

from sqlalchemy import TextClause, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.types import BigInteger, Text

from database.scope import PLATFORM
from database.sessions import Database, Hint
from database.statements import kept
from services.events.partitions import constant, recent

READ_ROWS = 500
TOGETHER = 32
GATHER_SECONDS = 0.003
READ_SECONDS = 10.0

Place = tuple[str, int]
Found = dict[Place, list[Hint]]
MISSED = """
    select asked.stream, asked.after, one.seq, one.type, one.body, one.at
    from unnest(:streams, :places) as asked (stream, after)
    join stream as head on head.stream = asked.stream and head.seq > asked.after
    left join lateral (
        select seq, type, body, at from event
        where event.stream = asked.stream and event.seq > asked.after {since}
        order by event.seq limit :rows
    ) as one on true
    order by asked.stream, asked.after, one.seq
"""


class Gone(Exception):
    """What follows a place has left the log: whoever stands there needs a snapshot."""


@lru_cache(maxsize=4)
def _missed(since: date | None) -> TextClause:
    """The statement that reads on from many places, in the whole log or from a day on."""
    bound = "" if since is None else f"and event.at >= {constant(since)}"
    return kept(
        text(MISSED.format(since=bound)).bindparams(
            bindparam("streams", type_=ARRAY(Text)),
            bindparam("places", type_=ARRAY(BigInteger)),
            bindparam("rows", type_=BigInteger),
        )
    )


class EventLog:
    """One per process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: dict[Place, asyncio.Future[Sequence[Hint]]] = {}
        self._round: asyncio.Task[None] | None = None
        self.reads = 0

    async def beyond(self, stream: str, after: int) -> Sequence[Hint]:
        """The next 500 events of a stream beyond a number, in order; fewer when that is all.

        Raises Gone when the very next one is not there any more.
        """
        answer = self._waiting.get((stream, after))
        if answer is None:
            answer = asyncio.get_running_loop().create_future()
            self._waiting[stream, after] = answer
        if self._round is None or self._round.done():
            self._round = asyncio.create_task(self._read_all(), name="hub-log")
        return await asyncio.shield(answer)

    async def close(self) -> None:
        if self._round is not None:
            self._round.cancel()
            await asyncio.gather(self._round, return_exceptions=True)

    async def _read_all(self) -> None:
        await asyncio.sleep(GATHER_SECONDS)
        while self._waiting:
            part = dict(islice(self._waiting.items(), TOGETHER))
            for place in part:
                del self._waiting[place]
            try:
                async with asyncio.timeout(READ_SECONDS):
                    found = await self._read(list(part))
            except BaseException as error:
                said = error if isinstance(error, Exception) else TimeoutError("not read")
                for answer in part.values():
                    answer.set_exception(said)
                    answer.exception()  # marks it as seen: whoever waits still gets it
                if said is not error:
                    raise  # canceled: nobody may be left waiting
            else:
                for place, answer in part.items():
                    if _follows(place, found.get(place)):
                        answer.set_result(found.get(place, []))
                    else:
                        answer.set_exception(Gone(place[0]))
                        answer.exception()

    async def _read(self, places: Sequence[Place]) -> Found:
        """What is beyond each place; a place that is the end of its stream is left out."""
        async with self._database.read(PLATFORM) as session:
            found = await self._ask(session, places, recent())
            older = [place for place, hints in found.items() if not _follows(place, hints)]
            if older:
                found |= await self._ask(session, older, None)
        return found

    async def _ask(
        self, session: AsyncSession, places: Sequence[Place], since: date | None
    ) -> Found:
        streams, numbers = zip(*places, strict=True)
        asked = {"streams": list(streams), "places": list(numbers), "rows": READ_ROWS}
        found: Found = {}
        rows = await session.execute(_missed(since), asked)
        self.reads += 1
        for stream, after, seq, *event in rows:
            hints = found.setdefault((stream, after), [])
            if seq is not None:
                hints.append(Hint(stream, seq, *event))
        return found


def _follows(place: Place, hints: Sequence[Hint] | None) -> bool:
    """Whether these continue a place; numbers have no gaps, so one that is missing is gone."""
    return hints is None or (bool(hints) and hints[0].seq == place[1] + 1)
