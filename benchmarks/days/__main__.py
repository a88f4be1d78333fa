"""The event log in one table and in a partition a day: `python -m benchmarks.days [--save]`.

One private, durable PostgreSQL, the same events in both, 90 days of them. CPU of the database for
an event written (with its unit of work), for a gap read at the end of the log and far back in it,
for a timeline, and for forgetting the oldest day.
"""

import argparse
import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, time, timedelta
from hashlib import md5
from uuid import UUID

from benchmarks.peers.report import RESULTS, machine
from benchmarks.stock.place import Place, open_stock_database
from database.audit import AuditContext
from database.scope import PLATFORM
from database.sessions import Database
from services.events.event_log import record_event
from services.orders.timeline import TimelineSlice, read_slices
from subscriptions.engine.event_log_reader import EventLogReader
from tests.support.server.databases import superuser

BY_DAYS = "a partition a day"
EVENTS_PER_STREAM = 20
ONE_TABLE = """
alter table event rename to event_of_days;
create table event (like event_of_days including defaults);
alter table event add primary key (stream, seq);
create index on event (tx, stream, seq);
alter table event enable row level security;
alter table event force row level security;
create policy scope on event to darkstore_app using ((select app_platform()));
grant select, insert on event to darkstore_app
"""
DAY = """
create table event_day.{named} (like event including all);
alter table event attach partition event_day.{named} for values from ('{since}') to ('{until}')
"""
FILL = """
insert into event (stream, seq, type, body, at)
select 'order:' || md5((d * 1000 + n / {each})::text)::uuid, n % {each} + 1, 'LINE_PICKED',
    '{{"order_id": "01a1ffc7-9f67-7128-bcbb-518a90393616"}}', {now} - make_interval(days => d)
from generate_series(0, {days} - 1) as d, generate_series(0, {events} - 1) as n
"""
HEADS = (
    "insert into stream (stream, seq, at) select stream, max(seq), max(at) from event group by 1"
)


@dataclass(frozen=True, slots=True)
class Size:
    """How many days the log holds, how many events each has, how often each step repeats."""

    days: int
    events_per_day: int
    repeats: int


WHOLE = Size(90, 2_000, 2_000)
SHORT = Size(5, 100, 20)


@dataclass(frozen=True, slots=True)
class Figures:
    """CPU of the database for one of each, in microseconds."""

    name: str
    write_us: float
    gap_us: float
    old_gap_us: float
    timeline_us: float
    forget_ms: float

    def __str__(self) -> str:
        values = (self.write_us, self.gap_us, self.old_gap_us, self.timeline_us, self.forget_ms)
        return f"{self.name:20}" + "".join(f"{value:>14,.0f}" for value in values)


def stream_of(day: int) -> str:
    """A stream of so many days ago, as FILL names it."""
    return f"order:{UUID(md5(str(day * 1000).encode(), usedforsecurity=False).hexdigest())}"


async def fill(place: Place, size: Size, by_days: bool, now: datetime) -> None:
    """Write the events of all days."""
    async with superuser(place.url) as connection:
        if by_days:
            await connection.execute(_days(size, now, await connection.fetchval(FIRST)))
        else:
            await connection.execute(ONE_TABLE)
        literal = f"timestamptz '{now.isoformat()}'"
        await connection.execute(
            FILL.format(
                each=EVENTS_PER_STREAM, now=literal, days=size.days, events=size.events_per_day
            )
        )
        await connection.execute(HEADS)
        await connection.execute("analyze event")


FIRST = (
    "select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid"
    " where i.inhparent = 'event'::regclass order by c.relname limit 1"
)


def _days(size: Size, now: datetime, first: str) -> str:
    """The statements that put a day for each of the past into the place of the first one."""
    parts = [f"alter table event detach partition event_day.{first}; drop table event_day.{first}"]
    for ago in range(size.days):
        day = now.date() - timedelta(days=ago)
        until = day + timedelta(days=1)
        parts.append(
            DAY.format(named=f"{day:d%Y%m%d}", since=f"{day} 00:00+00", until=f"{until} 00:00+00")
        )
    return ";".join(parts)


async def measure(place: Place, size: Size, name: str, now: datetime) -> Figures:
    """One design's figures."""
    database = Database(place.url, pool_size=2)
    log = EventLogReader(database)

    async def write() -> None:
        async with database.write(PLATFORM, AuditContext("bench")) as session:
            record_event(session, "bench:0", "BENCH", {"number": 1}, company_id=place.company)

    async def gap(day: int) -> None:
        await log.read_after(stream_of(day), EVENTS_PER_STREAM - 3)

    async def timeline() -> None:
        order = UUID(stream_of(2).removeprefix("order:"))
        async with database.read(PLATFORM) as session:
            day = (now - timedelta(days=2)).date()
            await read_slices(session, [TimelineSlice(order, 0, EVENTS_PER_STREAM, day)])

    async def each(work: Callable[[], Awaitable[None]], times: int = size.repeats) -> float:
        for _ in range(20):
            await work()
        used = place.database_seconds()
        for _ in range(times):
            await work()
        return (place.database_seconds() - used) / times * 1e6

    found = [
        await each(write),
        await each(lambda: gap(0)),
        await each(lambda: gap(size.days - 2), size.repeats // 4),
        await each(timeline),
    ]
    await log.close()
    await database.close()
    found.append(await measure_deletion(place, size, name == BY_DAYS, now))
    return Figures(name, *found)


async def measure_deletion(place: Place, size: Size, by_days: bool, now: datetime) -> float:
    """CPU milliseconds of the database for the oldest day's end."""
    used, oldest = place.database_seconds(), now.date() - timedelta(days=size.days - 1)
    async with superuser(place.url) as connection:
        if by_days:
            await connection.execute(f"drop table event_day.{oldest:d%Y%m%d}")
        else:
            end = datetime.combine(oldest + timedelta(days=1), time(), UTC)
            await connection.execute("delete from event where at < $1", end)
            await connection.execute("vacuum event")
    return (place.database_seconds() - used) * 1e3


async def main(size: Size, save: bool) -> None:
    """Measure both, and print a line of figures for each."""
    now = datetime.now(UTC)
    heads = ("write µs", "gap µs", "old gap µs", "timeline µs", "forget ms")
    print(" " * 20 + "".join(f"{head:>14}" for head in heads))
    found = []
    for name in ("one table", BY_DAYS):
        async with open_stock_database() as place:
            await fill(place, size, name == BY_DAYS, now)
            found.append(await measure(place, size, name, now))
        print(found[-1], flush=True)
    if save:
        designs = [asdict(one) for one in found]
        saved = {"at": now.isoformat(), "machine": machine(), "designs": designs}
        (RESULTS / "days.json").write_text(json.dumps(saved, indent=2) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="benchmarks.days")
    parser.add_argument("--save", action="store_true", help="keep the figures")
    parser.add_argument("--short", action="store_true", help="only check that it runs")
    chosen = parser.parse_args()
    asyncio.run(main(SHORT if chosen.short else WHOLE, chosen.save and not chosen.short))
