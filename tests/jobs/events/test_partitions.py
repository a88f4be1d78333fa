"""Partitions of the event log: created ahead, read across, dropped after their retention."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from database.audit import AuditContext
from database.scope import PLATFORM
from database.sessions import Database
from jobs import events, integrations
from services.core import cursors
from services.core.cursors import StreamPosition, position_after
from services.events import partitions
from services.events.event_log import record_event
from subscriptions.engine.event_log_reader import EventLogReader, EventsExpired

ORIGIN = AuditContext("test:event_day")
TODAY = datetime.now(UTC).date()
STREAM = "order:of-days"
INSERT = text(
    "insert into event (stream, seq, type, body, at)"
    " values (:stream, :seq, 'LINE_PICKED', '{}', :at)"
)
HEAD = text(
    "insert into stream (stream, seq, at) values (:stream, :seq, :at)"
    " on conflict (stream) do update set seq = excluded.seq, at = excluded.at"
)


def noon(days_ago: int) -> datetime:
    return datetime.combine(TODAY - timedelta(days=days_ago), time(12), UTC)


def bounds(day: date) -> tuple[str, str]:
    return f"{day} 00:00:00+00", f"{day + timedelta(days=1)} 00:00:00+00"


@pytest.fixture
async def owner(fresh_database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """The owner's connection to a database with old (100 and 99 days) and recent partitions."""
    connection = await asyncpg.connect(fresh_database_url.replace("+asyncpg", "", 1))
    for name in await partition_names(connection):
        if name != "rest":
            await connection.execute(f"alter table event detach partition event_day.{name}")
            await connection.execute(f"drop table event_day.{name}")
    for ago in (100, 99, 2, 1, 0):
        await add_partition(connection, TODAY - timedelta(days=ago))
    yield connection
    await connection.close()


async def partition_names(connection: asyncpg.Connection) -> list[str]:
    query = (
        "select relname from pg_class where relnamespace = 'event_day'::regnamespace"
        " and relkind = 'r' order by relname"
    )
    return [row[0] for row in await connection.fetch(query)]


async def add_partition(connection: asyncpg.Connection, day: date) -> None:
    name, (since, until) = f"{day:d%Y%m%d}", bounds(day)
    await connection.execute(f"create table event_day.{name} (like event including all)")
    await connection.execute(
        f"alter table event attach partition event_day.{name}"
        f" for values from ('{since}') to ('{until}')"
    )


@pytest.fixture
async def log_database(
    fresh_database_url: str, owner: asyncpg.Connection
) -> AsyncIterator[Database]:
    database = Database(fresh_database_url, pool_size=2)
    yield database
    await database.close()


async def write_events(log_database: Database, *times: datetime) -> list[StreamPosition]:
    """Write events 1, 2, 3 … of the stream with these times; returns their positions."""
    async with log_database.write(PLATFORM, ORIGIN) as session:
        for seq, at in enumerate(times, 1):
            parameters: dict[str, Any] = {"stream": STREAM, "seq": seq, "at": at}
            await session.execute(INSERT, parameters)
            await session.execute(HEAD, parameters)
    return [position_after(seq, at) for seq, at in enumerate(times, 1)]


async def can_resume(log_database: Database, position: StreamPosition) -> bool:
    async with log_database.read(PLATFORM) as session:
        heads = await cursors.stream_heads(session, [STREAM])
        return await cursors.can_resume(session, {STREAM: position}, heads)


async def test_partitions_are_created_ahead_of_time(
    log_database: Database, owner: asyncpg.Connection
) -> None:
    assert await events.maintain_partitions(log_database, 400) == partitions.DAYS_AHEAD
    expected = [f"{TODAY + timedelta(days=n):d%Y%m%d}" for n in range(partitions.DAYS_AHEAD + 1)]
    assert set(expected) <= set(await partition_names(owner))
    assert await events.maintain_partitions(log_database, 400) == 0


async def test_old_partitions_are_dropped_and_their_cursors_cannot_resume(
    log_database: Database, owner: asyncpg.Connection
) -> None:
    old, older, last = await write_events(log_database, noon(100), noon(99), noon(1))
    assert await can_resume(log_database, old)
    await integrations.fan_out(log_database)
    assert await events.maintain_partitions(log_database, 99) >= 1
    assert f"{TODAY - timedelta(days=100):d%Y%m%d}" not in await partition_names(owner)
    assert not await can_resume(log_database, old)
    assert await can_resume(log_database, older)
    assert [notice.seq for notice in await EventLogReader(log_database).read_after(STREAM, 1)] == [
        2,
        3,
    ]
    with pytest.raises(EventsExpired):
        await EventLogReader(log_database).read_after(STREAM, 0)
    await events.maintain_partitions(log_database, 7)
    assert not await can_resume(log_database, older)
    assert await can_resume(log_database, last)


async def test_a_cursor_at_the_head_resumes_though_the_last_event_was_dropped(
    log_database: Database,
) -> None:
    [last] = await write_events(log_database, noon(100))
    await integrations.fan_out(log_database)
    await events.maintain_partitions(log_database, 7)
    assert await can_resume(log_database, last)
    async with log_database.write(PLATFORM, ORIGIN) as session:
        record_event(session, STREAM, "LINE_PICKED", {}, company_id=None)
    assert [notice.seq for notice in await EventLogReader(log_database).read_after(STREAM, 1)] == [
        2
    ]


async def test_an_unread_partition_and_those_after_it_are_kept(
    log_database: Database, owner: asyncpg.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    await write_events(log_database, noon(100), noon(99))
    before = await partition_names(owner)
    await events.maintain_partitions(log_database, 7)
    assert set(before) <= set(await partition_names(owner))
    assert "have not been read" in caplog.text
    await integrations.fan_out(log_database)
    await events.maintain_partitions(log_database, 7)
    assert len(set(before) - set(await partition_names(owner))) == 2


async def test_a_partition_with_a_pending_webhook_delivery_is_kept(
    log_database: Database, owner: asyncpg.Connection
) -> None:
    await write_events(log_database, noon(100))
    await integrations.fan_out(log_database)
    await owner.execute("set session_replication_role = replica")  # the endpoint does not exist
    await owner.execute(
        "insert into webhook_delivery (id, company_id, endpoint_id, stream, seq, event_type,"
        " occurred_at,"
        " replay_number, status, attempt_count, next_attempt_at, ends_at) values"
        " (gen_random_uuid(),"
        " gen_random_uuid(), gen_random_uuid(), $1, 1, 'LINE_PICKED', $2, 0, 'PENDING', 0, now(),"
        " now())",
        STREAM,
        noon(100),
    )
    before = await partition_names(owner)
    await events.maintain_partitions(log_database, 7)
    assert set(before) <= set(await partition_names(owner))
    await owner.execute("update webhook_delivery set status = 'FAILED'")
    await events.maintain_partitions(log_database, 7)
    assert len(set(before) - set(await partition_names(owner))) == 2


async def test_a_write_without_a_partition_goes_to_the_default_partition(
    log_database: Database, owner: asyncpg.Connection
) -> None:
    for name in await partition_names(owner):
        if name != "rest":
            await owner.execute(f"alter table event detach partition event_day.{name}")
            await owner.execute(f"drop table event_day.{name}")
    async with log_database.write(PLATFORM, ORIGIN) as session:
        record_event(session, STREAM, "LINE_PICKED", {}, company_id=None)
    assert [notice.seq for notice in await EventLogReader(log_database).read_after(STREAM, 0)] == [
        1
    ]
    assert (
        await events.maintain_partitions(log_database, 7) == partitions.DAYS_AHEAD
    )  # the default partition already has rows of today
    await write_events(log_database, noon(100))
    await integrations.fan_out(log_database)
    assert await events.maintain_partitions(log_database, 7) == 1
    async with log_database.read(PLATFORM) as session:
        assert await session.scalar(text("select count(*) from event")) == 1


async def test_a_cursor_resumes_across_midnight_and_old_partitions(log_database: Database) -> None:
    midnight = datetime.combine(TODAY, time(), UTC)
    millisecond = timedelta(milliseconds=1)
    times = (noon(99), midnight - millisecond, midnight, midnight + millisecond)
    positions = await write_events(log_database, *times)
    log = EventLogReader(log_database)
    for position in positions:
        assert await can_resume(log_database, position)
        seqs = [notice.seq for notice in await log.read_after(STREAM, position.seq)]
        assert seqs == list(range(position.seq + 1, 5))
    assert [notice.seq for notice in await log.read_after(STREAM, 0)] == [1, 2, 3, 4]


@pytest.mark.parametrize("name", ["d20200101; drop table event", "rest", f"{TODAY:d%Y%m%d}"])
async def test_only_an_old_partition_can_be_dropped(log_database: Database, name: str) -> None:
    partition = partitions.EventPartition(name, TODAY)
    with pytest.raises((DBAPIError, asyncpg.InsufficientPrivilegeError)):
        async with log_database.write(PLATFORM, ORIGIN) as session:
            await partitions.drop_partition(session, partition)
