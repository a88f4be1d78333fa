"""The clock of a store, its calendar dates and its business days."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text, update

from database.scope import PLATFORM
from database.sessions import Database
from models.stores import Store
from services.stores.store_time import (
    business_day,
    business_day_begin,
    business_day_column,
    calendar_date,
    calendar_date_column,
    change_days,
    first_instant,
    local_time,
    regular_day,
    sale_date,
)
from tests.services.stores.clock_changes import ALL_ZONES, NIGHTS, standing_clock
from tests.support.city import City
from tests.support.customers import ORIGIN

MINUTES = st.integers(0, 24 * 60 - 1).map(lambda n: time(n // 60, n % 60))
DAY_STARTS = st.integers(0, 12 * 60).map(lambda n: time(n // 60, n % 60))
INSTANTS = st.datetimes(datetime(2008, 1, 1), datetime(2037, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - the strategy adds it
BUSINESS_DAYS = text(
    """
    select business_day(zone, day_start, at), store_clock(zone, at)::date
    from unnest(cast(:zones as text[]), cast(:starts as time[]), cast(:times as timestamptz[]))
        as query (zone, day_start, at)
    """
)


def store_in(zone: str, day_start: time = time(0)) -> Store:
    return Store(timezone=zone, business_day_start=day_start)


@pytest.mark.parametrize(("zone", "night"), NIGHTS)
@settings(deadline=None)
@given(st.integers(-1, 1), MINUTES)
def test_a_time_of_day_comes_when_the_clock_first_shows_or_passes_it(
    zone: str, night: date, ahead: int, clock: time
) -> None:
    """Zones with an hour, half an hour or a date left out or twice, against a clock of minutes."""
    wall_time = datetime.combine(night + timedelta(days=ahead), clock)
    first = standing_clock(zone, night).first_at(wall_time)
    assert first_instant(ZoneInfo(zone), wall_time) == first


@settings(deadline=None)
@given(st.sampled_from(ALL_ZONES), DAY_STARTS, INSTANTS, st.timedeltas(timedelta(), timedelta(2)))
def test_business_days_are_in_order_and_contain_their_times(
    zone: str, day_start: time, at: datetime, later: timedelta
) -> None:
    """A sale would be counted on no day, or on two."""
    store = store_in(zone, day_start)
    day = business_day(store, at)
    assert business_day_begin(store, day) <= at < business_day_begin(store, day + timedelta(days=1))
    assert business_day(store, at + later) >= day
    assert calendar_date(store, at) == business_day(store_in(zone), at)


CHANGES = st.tuples(
    st.timedeltas(timedelta(), timedelta(2)), st.tuples(st.sampled_from(ALL_ZONES), DAY_STARTS)
)


@settings(deadline=None)
@given(st.sampled_from(ALL_ZONES), DAY_STARTS, INSTANTS, st.lists(CHANGES, min_size=1, max_size=4))
def test_a_change_of_days_holds_from_the_next_business_day_on(
    zone: str, day_start: time, at: datetime, changes: list[tuple[timedelta, tuple[str, time]]]
) -> None:
    """Later and earlier beginnings, zones to the east and to the west, one change after another.

    A later beginning put the store back into yesterday, whose report was closed.
    """
    store = store_in(zone, day_start)
    for wait, wanted in changes:
        before = business_day(store, at)
        at += wait
        day = business_day(store, at)
        assert day >= before
        was = store.timezone, store.business_day_start
        is_changed = change_days(store, *wanted, at)
        assert (store.timezone, store.business_day_start) == (wanted if is_changed else was)
        if not is_changed:
            continue
        assert business_day(store, at) == day
        end = store.day_kept_until
        assert end is not None
        assert end > at
        assert business_day(store, end - timedelta(microseconds=1)) == day
        assert business_day(store, end) > day
    days = [business_day(store, at + timedelta(hours=n)) for n in range(120)]
    assert days == sorted(days)
    later = at + timedelta(days=5)
    assert business_day(store, later) == regular_day(store, later)


HALF_HOUR = timedelta(minutes=30)
MINUTES_FROM_NOW = st.integers(0, 48 * 60).map(lambda n: timedelta(minutes=n))
FAR_ZONES = st.sampled_from(
    ["Pacific/Kiritimati", "Pacific/Pago_Pago", "Europe/Lisbon", "Asia/Hong_Kong",
     "America/New_York", "Australia/Lord_Howe"]
)  # fmt: skip


@settings(deadline=None)
@given(
    FAR_ZONES,
    DAY_STARTS,
    INSTANTS,
    st.lists(st.tuples(MINUTES_FROM_NOW, st.tuples(FAR_ZONES, DAY_STARTS)), min_size=1, max_size=8),
)
def test_no_chain_of_changes_makes_a_long_day_skips_one_or_goes_back(
    zone: str, day_start: time, at: datetime, changes: list[tuple[timedelta, tuple[str, time]]]
) -> None:
    """A manager who moved the store across the date line had a business day of 61 hours.

    Other moves left whole days out, and a zone to the west put yesterday's goods on sale again.
    """
    store = store_in(zone, day_start)
    begun, day, today = at, business_day(store, at), calendar_date(store, at)
    for wait, wanted in [*changes, (timedelta(days=5), (zone, day_start))]:
        for moment in (*(at + n * HALF_HOUR for n in range(wait // HALF_HOUR)), at + wait):
            current = business_day(store, moment)
            assert current - day in (timedelta(0), timedelta(1))
            begun, day = (moment, current) if current > day else (begun, day)
            assert moment - begun <= timedelta(hours=48)
            assert sale_date(store, moment) >= today
            today = sale_date(store, moment)
        at += wait
        change_days(store, *wanted, at)
        assert business_day(store, at) == day
        assert sale_date(store, at) >= today
        today = sale_date(store, at)


@pytest.mark.parametrize(
    ("old", "new", "is_possible"),
    [
        (("Pacific/Kiritimati", time(0)), ("Pacific/Pago_Pago", time(0)), False),
        (("Pacific/Pago_Pago", time(0)), ("Pacific/Kiritimati", time(0)), False),
        (("Asia/Tokyo", time(0)), ("America/New_York", time(12)), False),
        (("UTC", time(0)), ("Pacific/Pago_Pago", time(12)), True),
        (("UTC", time(12)), ("Asia/Tokyo", time(0)), True),
    ],
)
def test_a_change_is_refused_that_makes_a_long_day_or_leaves_one_out(
    old: tuple[str, time], new: tuple[str, time], is_possible: bool
) -> None:
    """Corrections of a wrong zone are possible at once, moves around the world in steps."""
    store = store_in(*old)
    assert change_days(store, *new, datetime(2026, 7, 4, 18, tzinfo=UTC)) is is_possible
    assert (store.timezone, store.business_day_start) == (new if is_possible else old)


@pytest.mark.parametrize(
    ("old", "new", "until"),
    [
        (("Europe/Lisbon", time(2)), ("Europe/Lisbon", time(6)), "2026-07-05T01:00"),
        (("Europe/Lisbon", time(6)), ("Europe/Lisbon", time(2)), "2026-07-04T05:00"),
        (("Europe/Lisbon", time(0)), ("America/New_York", time(0)), "2026-07-04T23:00"),
        (("America/New_York", time(0)), ("Asia/Tokyo", time(0)), "2026-07-04T04:00"),
    ],
)
def test_a_closed_day_is_not_opened_again(
    old: tuple[str, time], new: tuple[str, time], until: str
) -> None:
    """Changed on 4 July at 03:00 in Lisbon, in both directions of the beginning and of the zone."""
    at = datetime(2026, 7, 4, 2, tzinfo=UTC)
    store = store_in(*old)
    day = business_day(store, at)
    assert change_days(store, *new, at)
    assert business_day(store, at) == day
    assert store.day_kept_until == datetime.fromisoformat(until).replace(tzinfo=UTC)
    assert business_day(store, store.day_kept_until) > day


def test_sales_after_midnight_belong_to_the_day_before_until_the_day_begins() -> None:
    """A store that closes at 02:00 counted the money of one night on two days."""
    lisbon = ZoneInfo("Europe/Lisbon")
    store = store_in("Europe/Lisbon", time(4))
    night = datetime(2026, 7, 4, 1, 30, tzinfo=lisbon)
    assert business_day(store, night) == date(2026, 7, 3)
    assert calendar_date(store, night) == date(2026, 7, 4)
    assert business_day(store, night.replace(hour=4, minute=0)) == date(2026, 7, 4)
    assert local_time(store, night) == night


def test_a_day_that_begins_in_the_hour_that_comes_twice_begins_once() -> None:
    """01:30 comes twice: between the two the day went back to the one before."""
    store = store_in("Europe/Lisbon", time(1, 30))
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)  # 01:30, before the clocks go back
    again = datetime(2026, 10, 25, 1, 10, tzinfo=UTC)  # 01:10, for the second time
    assert business_day_begin(store, date(2026, 10, 25)) == first
    assert business_day(store, first - timedelta(seconds=1)) == date(2026, 10, 24)
    assert business_day(store, first) == business_day(store, again) == date(2026, 10, 25)


def test_an_unknown_time_zone_is_utc() -> None:
    """A row whose zone this machine doesn't know made every report of its store INTERNAL."""
    store = store_in("Moon/Crater")
    assert calendar_date(store, datetime(2026, 7, 1, tzinfo=UTC)) == date(2026, 7, 1)


async def test_the_database_has_the_same_days(database: Database) -> None:
    """Each night of NIGHTS in steps of ten minutes, with days that begin at several times."""
    queries = [
        (zone, start, at)
        for zone, night in NIGHTS
        for at, _ in list(standing_clock(zone, night).minutes())[::10]
        for start in (time(0), time(1, 30), time(4))
    ]
    zones, starts, times = (list(column) for column in zip(*queries, strict=True))
    async with database.read_public() as session:
        parameters = {"zones": zones, "starts": starts, "times": times}
        rows = (await session.execute(BUSINESS_DAYS, parameters)).all()
    expected = [
        (business_day(store_in(zone, start), at), calendar_date(store_in(zone), at))
        for zone, start, at in queries
    ]
    different = [
        (query, row) for query, row, want in zip(queries, rows, expected, strict=True)
        if tuple(row) != want
    ]  # fmt: skip
    assert different == []


async def test_the_database_keeps_the_same_day(database: Database, city: City) -> None:
    """While a day is kept, after its end, and where no day is kept."""
    async with database.read_public() as session:
        now: datetime = (await session.execute(text("select now()"))).scalar_one()
    kept = [
        (now.date() + timedelta(d), now + timedelta(hours=h)) for d in (-2, 0, 2) for h in (-2, 2)
    ]
    for zone, start in (("Pacific/Auckland", time(0)), ("Pacific/Honolulu", time(11))):
        for day_kept, until in ((None, None), *kept):
            columns = {"timezone": zone, "business_day_start": start}
            columns |= {"day_kept": day_kept, "day_kept_until": until, "date_kept": day_kept}
            async with database.write(PLATFORM, ORIGIN) as session:
                of_store = update(Store).where(Store.id == city.near.id)
                await session.execute(of_store.values(**columns))
            async with database.read(PLATFORM) as session:
                moment = text("statement_timestamp()")
                query = select(Store, business_day_column(), moment, calendar_date_column())
                row = (await session.execute(query.where(Store.id == city.near.id))).one()
            assert row[1] == business_day(row[0], row[2])
            assert row[3] == sale_date(row[0], row[2])
