"""Time zones whose clocks are changed in every way, and nights on which they are."""

from bisect import bisect_left
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

MINUTE = timedelta(minutes=1)
# Zones with their peculiarity, and a date near which their clocks are changed.
NIGHTS = {
    ("Europe/Lisbon", date(2026, 10, 25)): "an hour back",
    ("Europe/Lisbon", date(2026, 3, 29)): "an hour forward",
    ("Europe/Berlin", date(2026, 10, 25)): "02:00 to 03:00 twice",
    ("Australia/Lord_Howe", date(2026, 4, 5)): "half an hour back",
    ("Australia/Lord_Howe", date(2026, 10, 4)): "half an hour forward",
    ("America/New_York", date(2026, 11, 1)): "an hour back",
    ("America/Havana", date(2026, 11, 1)): "01:00 back to midnight",
    ("America/Havana", date(2026, 3, 8)): "midnight is left out",
    ("America/Scoresbysund", date(2023, 10, 29)): "01:00 back to midnight",
    ("America/St_Johns", date(2010, 11, 7)): "00:01 back to the date before",
    ("Africa/Cairo", date(2026, 10, 30)): "midnight back to 23:00",
    ("Africa/Casablanca", date(2026, 2, 15)): "an hour back before Ramadan",
    ("Antarctica/Troll", date(2026, 10, 25)): "two hours back",
    ("Asia/Pyongyang", date(2015, 8, 15)): "half an hour back for good",
    ("Asia/Tokyo", date(2026, 10, 25)): "never",
    ("Asia/Kathmandu", date(2026, 10, 25)): "never, at a quarter of an hour",
    ("Pacific/Apia", date(2011, 12, 30)): "a date that is left out",
    ("Pacific/Kiritimati", date(1994, 12, 31)): "a date that is left out",
    ("Pacific/Chatham", date(2026, 4, 5)): "an hour back, at a quarter of an hour",
    ("Europe/Dublin", date(2026, 10, 25)): "winter time is the exception",
    ("UTC", date(2026, 10, 25)): "never",
}
ALL_ZONES = sorted(available_timezones() - {"Factory", "localtime"})


class StandingClock:
    """The clock of a store minute by minute, as the rule says: it never goes back.

    It shares no code with the product: it looks at the wall each minute and keeps the latest time.
    """

    def __init__(self, zone: ZoneInfo, first_day: date, days: int) -> None:
        self.begin = datetime.combine(first_day, datetime.min.time(), UTC) - timedelta(days=2)
        self.times: list[datetime] = []
        latest = datetime.min  # noqa: DTZ901 - a time on a wall has no offset
        for minute in range((days + 4) * 24 * 60):
            wall = (self.begin + minute * MINUTE).astimezone(zone).replace(tzinfo=None)
            latest = max(latest, wall)
            self.times.append(latest)

    def first_at(self, wall_time: datetime) -> datetime:
        """The first minute in UTC at which the clock shows a time or a later one."""
        minute = bisect_left(self.times, wall_time)
        return self.begin + minute * MINUTE

    def minutes(self) -> Iterator[tuple[datetime, datetime]]:
        """Each minute: the time in UTC, and what the clock shows."""
        for minute, shown in enumerate(self.times):
            yield self.begin + minute * MINUTE, shown


@cache
def standing_clock(zone: str, night: date) -> StandingClock:
    """The clock of a zone from two days before a night on."""
    return StandingClock(ZoneInfo(zone), night, 1)
