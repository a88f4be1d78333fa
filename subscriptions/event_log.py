"""Reads what listeners have missed, for many of them in one statement.

After an outage every listener of a process lags at the same moment: those who ask within a few
milliseconds share a statement, and those at the same place of the same stream share its rows.
"""

import asyncio
from collections.abc import Sequence
from itertools import islice

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import BigInteger, Text

from models import PLATFORM
from models.database import Database, Hint
from models.light import kept

READ_ROWS = 500
TOGETHER = 32
GATHER_SECONDS = 0.003
READ_SECONDS = 10.0

Place = tuple[str, int]
MISSED = kept(
    text(
        """
    select asked.stream, asked.after, one.seq, one.type, one.body, one.at
    from unnest(:streams, :places) as asked (stream, after)
    cross join lateral (
        select seq, type, body, at from event
        where event.stream = asked.stream and event.seq > asked.after
        order by event.seq limit :rows
    ) as one
    order by asked.stream, asked.after, one.seq
    """
    ).bindparams(
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
        """The next 500 events of a stream beyond a number, in order; fewer when that is all."""
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
                    answer.set_result(found[place])

    async def _read(self, places: Sequence[Place]) -> dict[Place, list[Hint]]:
        self.reads += 1
        found: dict[Place, list[Hint]] = {place: [] for place in places}
        streams, numbers = zip(*places, strict=True)
        asked = {"streams": list(streams), "places": list(numbers), "rows": READ_ROWS}
        async with self._database.read(PLATFORM) as session:
            for stream, after, *event in await session.execute(MISSED, asked):
                found[stream, after].append(Hint(stream, *event))
        return found
