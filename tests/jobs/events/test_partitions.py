"""The event log by days: made ahead, read across, dropped when old and read by all."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from database.scope import PLATFORM
from database.sessions import Database, Origin
from jobs import events, integrations
from services.core import cursors
from services.core.cursors import Place, place_of
from services.events import partitions
from services.events.event_log import happened
from subscriptions.engine.event_log_reader import EventLog, Gone

ORIGIN = Origin("test:event_day")
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
    """The owner of a database whose log has a day of 100 days ago, one of 99, and the rest."""
    opened = await asyncpg.connect(fresh_database_url.replace("+asyncpg", "", 1))
    for name in await names(opened):
        if name != "rest":
            await opened.execute(f"alter table event detach partition event_day.{name}")
            await opened.execute(f"drop table event_day.{name}")
    for ago in (100, 99, 2, 1, 0):
        await add(opened, TODAY - timedelta(days=ago))
    yield opened
    await opened.close()


async def names(connection: asyncpg.Connection) -> list[str]:
    query = (
        "select relname from pg_class where relnamespace = 'event_day'::regnamespace"
        " and relkind = 'r' order by relname"
    )
    return [row[0] for row in await connection.fetch(query)]


async def add(connection: asyncpg.Connection, day: date) -> None:
    named, (since, until) = f"{day:d%Y%m%d}", bounds(day)
    await connection.execute(f"create table event_day.{named} (like event including all)")
    await connection.execute(
        f"alter table event attach partition event_day.{named}"
        f" for values from ('{since}') to ('{until}')"
    )


@pytest.fixture
async def books(fresh_database_url: str, owner: asyncpg.Connection) -> AsyncIterator[Database]:
    opened = Database(fresh_database_url, pool_size=2)
    yield opened
    await opened.close()


async def tell(books: Database, *moments: datetime) -> list[Place]:
    """Events 1, 2, 3 … of the stream, written at these moments; answers their places."""
    async with books.write(PLATFORM, ORIGIN) as session:
        for seq, at in enumerate(moments, 1):
            given: dict[str, Any] = {"stream": STREAM, "seq": seq, "at": at}
            await session.execute(INSERT, given)
            await session.execute(HEAD, given)
    return [place_of(seq, at) for seq, at in enumerate(moments, 1)]


async def continues(books: Database, place: Place) -> bool:
    async with books.read(PLATFORM) as session:
        ends = await cursors.heads(session, [STREAM])
        return await cursors.continues(session, {STREAM: place}, ends)


async def test_the_days_to_come_are_there_before_they_come(
    books: Database, owner: asyncpg.Connection
) -> None:
    assert await events.keep(books, 400) == partitions.AHEAD_DAYS
    coming = [f"{TODAY + timedelta(days=n):d%Y%m%d}" for n in range(partitions.AHEAD_DAYS + 1)]
    assert set(coming) <= set(await names(owner))
    assert await events.keep(books, 400) == 0


async def test_old_days_go_and_who_stands_there_is_told_to_look_anew(
    books: Database, owner: asyncpg.Connection
) -> None:
    old, older, last = await tell(books, noon(100), noon(99), noon(1))
    assert await continues(books, old)
    await integrations.fan_out(books)
    assert await events.keep(books, 99) >= 1
    assert f"{TODAY - timedelta(days=100):d%Y%m%d}" not in await names(owner)
    assert not await continues(books, old)
    assert await continues(books, older)
    assert [one.seq for one in await EventLog(books).beyond(STREAM, 1)] == [2, 3]
    with pytest.raises(Gone):
        await EventLog(books).beyond(STREAM, 0)
    await events.keep(books, 7)
    assert not await continues(books, older)
    assert await continues(books, last)


async def test_who_stands_at_the_end_goes_on_though_the_last_event_has_gone(
    books: Database,
) -> None:
    [last] = await tell(books, noon(100))
    await integrations.fan_out(books)
    await events.keep(books, 7)
    assert await continues(books, last)
    async with books.write(PLATFORM, ORIGIN) as session:
        happened(session, STREAM, "LINE_PICKED", {}, company_id=None)
    assert [one.seq for one in await EventLog(books).beyond(STREAM, 1)] == [2]


async def test_a_day_that_was_not_read_by_all_stays_and_so_do_those_after_it(
    books: Database, owner: asyncpg.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    await tell(books, noon(100), noon(99))
    before = await names(owner)
    await events.keep(books, 7)
    assert set(before) <= set(await names(owner))
    assert "have not been read" in caplog.text
    await integrations.fan_out(books)
    await events.keep(books, 7)
    assert len(set(before) - set(await names(owner))) == 2


async def test_a_day_of_which_a_webhook_has_still_to_tell_stays(
    books: Database, owner: asyncpg.Connection
) -> None:
    await tell(books, noon(100))
    await integrations.fan_out(books)
    await owner.execute("set session_replication_role = replica")  # to an endpoint of nobody's
    await owner.execute(
        "insert into webhook_delivery (id, company_id, endpoint_id, stream, seq, type, event_at,"
        " round, status, attempts_count, due_at, ends_at) values (gen_random_uuid(),"
        " gen_random_uuid(), gen_random_uuid(), $1, 1, 'LINE_PICKED', $2, 0, 'PENDING', 0, now(),"
        " now())",
        STREAM,
        noon(100),
    )
    before = await names(owner)
    await events.keep(books, 7)
    assert set(before) <= set(await names(owner))
    await owner.execute("update webhook_delivery set status = 'DEAD'")
    await events.keep(books, 7)
    assert len(set(before) - set(await names(owner))) == 2


async def test_a_write_into_a_day_that_is_not_there_does_not_fail(
    books: Database, owner: asyncpg.Connection
) -> None:
    for named in await names(owner):
        if named != "rest":
            await owner.execute(f"alter table event detach partition event_day.{named}")
            await owner.execute(f"drop table event_day.{named}")
    async with books.write(PLATFORM, ORIGIN) as session:
        happened(session, STREAM, "LINE_PICKED", {}, company_id=None)
    assert [one.seq for one in await EventLog(books).beyond(STREAM, 0)] == [1]
    assert (
        await events.keep(books, 7) == partitions.AHEAD_DAYS
    )  # today has rows in the rest already
    await tell(books, noon(100))
    await integrations.fan_out(books)
    assert await events.keep(books, 7) == 1
    async with books.read(PLATFORM) as session:
        assert await session.scalar(text("select count(*) from event")) == 1


async def test_a_cursor_goes_on_across_midnight_and_far_back(books: Database) -> None:
    midnight = datetime.combine(TODAY, time(), UTC)
    blink = timedelta(milliseconds=1)
    moments = (noon(99), midnight - blink, midnight, midnight + blink)
    places = await tell(books, *moments)
    log = EventLog(books)
    for place in places:
        assert await continues(books, place)
        found = [one.seq for one in await log.beyond(STREAM, place.seq)]
        assert found == list(range(place.seq + 1, 5))
    assert [one.seq for one in await log.beyond(STREAM, 0)] == [1, 2, 3, 4]


@pytest.mark.parametrize("named", ["d20200101; drop table event", "rest", f"{TODAY:d%Y%m%d}"])
async def test_only_an_old_day_can_be_dropped(books: Database, named: str) -> None:
    day = partitions.Day(named, TODAY)
    with pytest.raises((DBAPIError, asyncpg.InsufficientPrivilegeError)):
        async with books.write(PLATFORM, ORIGIN) as session:
            await partitions.drop(session, day)
