"""When a store is open, on every night on which clocks are changed."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sqlalchemy import DateTime, column, delete, func, literal, select, true
from sqlalchemy.dialects.postgresql import ARRAY

from database.base import uuid7
from database.scope import PLATFORM
from database.sessions import Database
from models.identity import Actor, Grant, Role
from models.stores import Store, StoreHours, Weekday
from services.core.problems import DomainError
from services.stores import opening_hours
from services.stores.opening_hours import OpeningInterval, add_open_seconds, intervals, is_open_at
from tests.services.stores.clock_changes import ALL_ZONES, MINUTE, NIGHTS, standing_clock
from tests.support.city import City
from tests.support.customers import ORIGIN

ADMIN = Actor(person_id=uuid7(), grants=(Grant(Role.SUPER_ADMIN),))
LISBON = Store(timezone="Europe/Lisbon", business_day_start=time(0))
AT_NIGHT = [
    OpeningInterval(day, opens, closes)
    for day in range(7)
    for opens, closes in (
        (time(23), time(0, 30)), (time(1, 15), time(1, 45)), (time(2, 10), time(8)),
    )
]  # fmt: skip
AUTUMN, SPRING = date(2026, 10, 25), date(2026, 3, 29)
MINUTES = st.integers(0, 24 * 60 - 1).map(lambda n: time(n // 60, n % 60))
INTERVALS = st.builds(OpeningInterval, st.integers(0, 6), MINUTES, MINUTES)


@st.composite
def weekly_hours(draw: st.DrawFn) -> list[OpeningInterval]:
    """Opening hours of a week that do not overlap."""
    hours: list[OpeningInterval] = []
    for interval in draw(st.lists(INTERVALS, min_size=1, max_size=10)):
        if not any(interval.overlaps(other) for other in hours):
            hours.append(interval)
    return hours


def rows(hours: Sequence[OpeningInterval]) -> list[StoreHours]:
    return [StoreHours(weekday=i.weekday, opens=i.opens, closes=i.closes) for i in hours]


def lisbon(day: date, clock: time, fold: int = 0) -> datetime:
    at = datetime.combine(day, clock, ZoneInfo("Europe/Lisbon"))
    return at.replace(fold=fold).astimezone(UTC)


def intervals_in_lisbon(weekday: int, opens: time, closes: time, day: date) -> list[timedelta]:
    """How long a store is open after it opens on a day."""
    hours = [StoreHours(weekday=weekday, opens=opens, closes=closes)]
    return [end - begin for begin, end in intervals(hours, ZoneInfo("Europe/Lisbon"), day, 1)]


def test_a_store_that_closes_at_half_past_one_does_not_open_again_in_autumn() -> None:
    """At 02:00 the clocks go back to 01:00: the store opened a second time from 01:00 to 01:30."""
    saturday = AUTUMN - timedelta(days=1)
    lengths = intervals_in_lisbon(5, time(20), time(1, 30), saturday)
    assert lengths == [timedelta(hours=5, minutes=30)]
    # One that opens in the hour that comes twice opens in its first one, and stays open.
    assert intervals_in_lisbon(6, time(1, 30), time(3), AUTUMN) == [timedelta(hours=2.5)]
    assert intervals_in_lisbon(6, time(1, 15), time(1, 45), AUTUMN) == [timedelta(minutes=30)]


def test_a_store_that_opens_in_the_gap_of_spring_opens_at_its_end() -> None:
    """At 01:00 the clocks go forward to 02:00: 01:30 does not come."""
    hours = [StoreHours(weekday=6, opens=time(1, 30), closes=time(9))]
    (sunday,) = intervals(hours, ZoneInfo("Europe/Lisbon"), SPRING, 1)
    assert sunday == (lisbon(SPRING, time(2)), lisbon(SPRING, time(9)))
    # One whose hours are left out stays closed, and one that closes there closes at the gap.
    assert intervals_in_lisbon(6, time(1, 10), time(1, 50), SPRING) == []
    saturday = SPRING - timedelta(days=1)
    assert intervals_in_lisbon(5, time(22), time(1, 30), saturday) == [timedelta(hours=3)]


@settings(deadline=None)
@given(st.sampled_from([*NIGHTS]), weekly_hours())
def test_intervals_are_in_order_disjoint_and_as_long_as_the_clock_says(
    place: tuple[str, date], hours: list[OpeningInterval]
) -> None:
    """Compared with a clock that is read each minute and never goes back."""
    name, night = place
    zone = ZoneInfo(name)
    found = list(intervals(rows(hours), zone, night - timedelta(days=4), 8))
    assert all(begin < end for begin, end in found)
    assert all(first[1] <= second[0] for first, second in pairwise(found))
    clock = standing_clock(name, night)
    ends = {at + step for interval in found for at in interval for step in (-MINUTE, 0 * MINUTE)}
    for at, shown in clock.minutes():
        if at in ends or at.minute % 15 == 0:
            is_open = any(begin <= at < end for begin, end in found)
            assert is_open is any(covers(interval, shown) for interval in hours), (at, shown)


@settings(deadline=None)
@given(st.sampled_from(ALL_ZONES), weekly_hours(), st.dates(date(2000, 1, 1), date(2037, 12, 1)))
def test_intervals_of_any_zone_are_as_long_as_the_wall_says_between_equal_offsets(
    name: str, hours: list[OpeningInterval], day: date
) -> None:
    """Between two clock changes no store is open longer than its hours say."""
    zone = ZoneInfo(name)
    found = list(intervals(rows(hours), zone, day, 7))
    assert all(first[1] <= second[0] for first, second in pairwise(found))
    lengths = {interval.length for interval in hours}
    for begin, end in found:
        offsets = [at.astimezone(zone).utcoffset() for at in (begin, end)]
        changed = any(
            (begin + n * timedelta(minutes=15)).astimezone(zone).utcoffset() != offsets[0]
            for n in range((end - begin) // timedelta(minutes=15) + 1)
        )
        assert changed or offsets[0] != offsets[1] or end - begin in lengths


def covers(interval: OpeningInterval, shown: datetime) -> bool:
    """Whether a clock that shows this is within an interval of the week."""
    for ago in (0, 1):
        day = shown.date() - timedelta(days=ago)
        begin = datetime.combine(day, interval.opens)
        if day.weekday() == interval.weekday and begin <= shown < begin + interval.length:
            return True
    return False


@settings(deadline=None, max_examples=20)
@given(weekly_hours(), INTERVALS)
def test_intervals_overlap_when_a_minute_is_in_both(
    hours: list[OpeningInterval], other: OpeningInterval
) -> None:
    """Also those that last until the next Monday."""
    interval = hours[0]
    monday = datetime(2026, 6, 1)  # noqa: DTZ001 - a time on a wall
    week = [monday + n * MINUTE for n in range(7 * 24 * 60)]
    both = any(covers(interval, at) and covers(other, at) for at in week)
    assert interval.overlaps(other) is both is other.overlaps(interval)


@pytest.mark.parametrize(
    ("hours", "index", "other"),
    [
        ([(0, 8, 12), (0, 11, 20)], 1, (0, 8, 12)),
        ([(0, 8, 12), (0, 8, 12)], 1, (0, 8, 12)),
        ([(0, 20, 3), (1, 2, 10)], 1, (0, 20, 3)),
        ([(0, 2, 10), (3, 8, 12), (6, 20, 3)], 2, (0, 2, 10)),
        ([(4, 0, 0), (4, 23, 1)], 1, (4, 0, 0)),
    ],
)
async def test_opening_hours_that_overlap_are_refused(
    city: City,
    database: Database,
    hours: list[tuple[int, int, int]],
    index: int,
    other: tuple[int, int, int],
) -> None:
    """Monday 20:00 to 03:00 and Tuesday 02:00 to 10:00 were both stored; so were equal ones."""
    week = [OpeningInterval(day, time(opens), time(closes)) for day, opens, closes in hours]
    save = partial(opening_hours.set_hours, actor=ADMIN, store_id=city.near.id, hours=week)
    with pytest.raises(DomainError) as refused:
        async with database.write(PLATFORM, ORIGIN) as session:
            await save(session)
    (problem,) = refused.value.problems
    assert isinstance(problem, opening_hours.OpeningHoursOverlap)
    assert problem.path == ["input", "openingHours", str(index)]
    weekday = list(Weekday).index(problem.weekday)
    assert (weekday, problem.opens.hour, problem.closes.hour) == other


async def test_hours_that_touch_are_stored(city: City, database: Database) -> None:
    """A store that is always open has seven of them."""
    week = [OpeningInterval(day, time(0), time(0)) for day in range(7)]
    async with database.write(PLATFORM, ORIGIN) as session:
        await opening_hours.set_hours(session, actor=ADMIN, store_id=city.near.id, hours=week)


async def test_a_week_with_an_interval_of_the_week_before_is_stored(
    city: City, database: Database
) -> None:
    """Only Sunday changes: the rows of the other days are replaced by equal ones."""
    week = [OpeningInterval(day, time(8), time(22)) for day in range(7)]
    versions = []
    for sunday in (time(22), time(14), time(14)):
        week[6] = OpeningInterval(6, time(8), sunday)
        async with database.write(PLATFORM, ORIGIN) as session:
            store = await opening_hours.set_hours(
                session, actor=ADMIN, store_id=city.near.id, hours=week
            )
            versions.append(store.version)
    assert versions[2] == versions[1] == versions[0] + 1
    async with database.read(PLATFORM) as session:
        [stored] = await opening_hours.read_hours(session, [city.near.id])
    assert [OpeningInterval(one.weekday, one.opens, one.closes) for one in stored] == week


@pytest.mark.parametrize(("zone", "night"), NIGHTS)
async def test_the_database_opens_a_store_at_the_same_times(
    city: City, database: Database, zone: str, night: date
) -> None:
    """`isOpen`, storefronts and pickups ask the database, waiting times are computed here."""
    async with database.write(PLATFORM, ORIGIN) as session:
        store = await session.get_one(Store, city.near.id)
        store.timezone = zone
        await session.execute(delete(StoreHours).where(StoreHours.store_id == store.id))
        session.add_all(
            StoreHours(
                store_id=store.id, company_id=store.company_id, weekday=interval.weekday,
                opens=interval.opens, closes=interval.closes,
            )
            for interval in AT_NIGHT
        )  # fmt: skip
    times = [at for at, _ in standing_clock(zone, night).minutes()][::5]
    expected = [
        any(begin <= at < end for begin, end in intervals(
            rows(AT_NIGHT), ZoneInfo(zone), night - timedelta(days=4), 9
        ))
        for at in times
    ]  # fmt: skip
    assert any(expected)
    assert not all(expected)
    moments = func.unnest(literal(times, ARRAY(DateTime(timezone=True))))
    query = moments.table_valued(
        column("at", DateTime(timezone=True)), with_ordinality="nth"
    ).render_derived(name="query")
    statement = select(is_open_at(query.c.at, query)).select_from(Store).join(query, true())
    async with database.read_public() as session:
        stated = await session.scalars(
            statement.where(Store.id == city.near.id).order_by(query.c.nth)
        )
    assert list(stated) == expected


@settings(deadline=None)
@given(weekly_hours(), st.sampled_from([*NIGHTS]), st.integers(0, 3000), st.floats(60, 200_000))
def test_open_seconds_are_counted_in_the_hours_alone(
    hours: list[OpeningInterval], place: tuple[str, date], minutes: int, seconds: float
) -> None:
    """A pickup that waits overnight would be put back before the store opens."""
    zone, night = place
    store = Store(timezone=zone, business_day_start=time(0))
    now = datetime.combine(night, time(0), UTC) - timedelta(days=1) + minutes * MINUTE
    end = add_open_seconds(rows(hours), store, now, seconds)
    first_day = now.date() - timedelta(days=3)
    found = list(intervals(rows(hours), ZoneInfo(zone), first_day, 30))
    open_time = sum(
        (max(timedelta(), min(end, closes) - max(now, opens)) for opens, closes in found),
        timedelta(),
    )
    assume(end - now < timedelta(days=10))
    assert abs(open_time.total_seconds() - seconds) < 1 or end == now + timedelta(seconds=seconds)


def test_the_waiting_time_of_a_pickup_counts_in_opening_hours() -> None:
    """An order is ready ten minutes before the store closes: the rest counts from the morning."""
    hours = [StoreHours(weekday=day, opens=time(8), closes=time(22)) for day in range(7)]
    ready = lisbon(date(2026, 7, 1), time(21, 50))
    assert add_open_seconds(hours, LISBON, ready, 7200) == lisbon(date(2026, 7, 2), time(9, 50))
    assert add_open_seconds(hours, LISBON, ready, 600) == lisbon(date(2026, 7, 1), time(22))
    at_night = [StoreHours(weekday=2, opens=time(20), closes=time(2))]
    late = lisbon(date(2026, 7, 2), time(1))
    assert add_open_seconds(at_night, LISBON, late, 1800) == late + timedelta(minutes=30)
    assert add_open_seconds([], LISBON, ready, 60) == ready + timedelta(seconds=60)


def test_an_order_waits_as_long_in_the_night_of_the_clock_change() -> None:
    """Two hours from 00:30 of the autumn night were three: the wall was counted, not the time."""
    always = [StoreHours(weekday=day, opens=time(0), closes=time(0)) for day in range(7)]
    ready = lisbon(AUTUMN, time(0, 30))
    assert add_open_seconds(always, LISBON, ready, 7200) == ready + timedelta(hours=2)
