"""Dates, times of day and instants as clients write them: RFC 3339, nothing that is ambiguous.

Each function raises ValueError with a sentence that tells what is expected. Years are limited, so
that a conversion to another time zone or a sum with a duration never leaves Python's range.
"""

import re
from datetime import UTC, date, datetime, time

FIRST_YEAR, LAST_YEAR = 1900, 9998
_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_TIME = re.compile(r"([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,9}))?)?")
_OFFSET = re.compile(r"[Zz]|[+-][0-9]{2}:[0-9]{2}")
_INSTANT = re.compile(
    r"(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]"
    r"(?P<time>[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?)"
    rf"(?P<offset>{_OFFSET.pattern})"
)
DATE_FORM = "A date is written as 2026-11-30"
TIME_FORM = "A time of day is written as 08:00 or 08:00:30"
INSTANT_FORM = "A time is written with its offset, as 2026-11-30T08:00:00Z or …T08:00:00+01:00"


def parse_date(text: str) -> date:
    """Return a calendar date: year, month and day."""
    if (found := _DATE.fullmatch(text)) is None:
        raise ValueError(f"{DATE_FORM}.")
    year, month, day = map(int, found.groups())
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise ValueError(f"The year is from {FIRST_YEAR} to {LAST_YEAR}.")
    try:
        return date(year, month, day)
    except ValueError:
        raise ValueError(f"{DATE_FORM}; there is no {text}.") from None


def parse_time_of_day(text: str) -> time:
    """Return a time of a place's clock. It has no offset: the place tells its time zone."""
    if (found := _TIME.fullmatch(text)) is None:
        hint = ", without an offset: the store tells its time zone" if _has_offset(text) else ""
        raise ValueError(f"{TIME_FORM}{hint}.")
    hour, minute, second = (int(part or 0) for part in found.groups()[:3])
    try:
        return time(hour, minute, second, _microseconds(found[4]))
    except ValueError:
        hint = "; the end of the day is 00:00" if hour == 24 else f"; there is no {text}"
        raise ValueError(f"{TIME_FORM}{hint}.") from None


def parse_instant(text: str) -> datetime:
    """Return an instant in UTC from an RFC 3339 date-time; fractions beyond microseconds end."""
    if (found := _INSTANT.fullmatch(text)) is None:
        raise ValueError(f"{INSTANT_FORM}.")
    day, clock = parse_date(found["date"]), parse_time_of_day(found["time"])
    offset = found["offset"].upper().replace("Z", "+00:00")
    try:
        zone = datetime.strptime(offset, "%z").tzinfo
    except ValueError:
        raise ValueError(f"{INSTANT_FORM}; there is no offset {offset}.") from None
    return datetime.combine(day, clock, zone).astimezone(UTC)


def _has_offset(text: str) -> bool:
    return _OFFSET.search(text) is not None


def _microseconds(fraction: str | None) -> int:
    return int((fraction or "0")[:6].ljust(6, "0"))
