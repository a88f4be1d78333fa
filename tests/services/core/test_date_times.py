"""Dates, times of day and instants: RFC 3339, nothing that two readers understand differently."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core.date_times import parse_date, parse_instant, parse_time_of_day


@given(
    st.datetimes(datetime(1900, 1, 2), datetime(9998, 12, 30)),  # noqa: DTZ001 # the zone follows
    st.integers(-14 * 60, 14 * 60),
    st.booleans(),
)
def test_every_instant_is_read_as_it_was_written(
    clock: datetime, offset_minutes: int, short: bool
) -> None:
    """Any offset, with and without a fraction; the answer is the same instant in UTC."""
    written = clock.replace(microsecond=0) if short else clock
    sign, (hours, minutes) = "-+"[offset_minutes >= 0], divmod(abs(offset_minutes), 60)
    text = f"{written.isoformat()}{sign}{hours:02}:{minutes:02}"
    expected = written.replace(tzinfo=UTC) - timedelta(minutes=offset_minutes)
    assert parse_instant(text) == expected
    assert parse_instant(text).tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-30T08:00:00",
        "2026-11-30",
        "2026-11-30T08:00Z",
        "20261130T080000Z",
        "2026-W48-1T08:00:00Z",
        "2026-334T08:00:00Z",
        "2026-11-31T08:00:00Z",
        "2026-11-30T24:00:00Z",
        "2026-11-30T08:00:60Z",
        "2026-11-30T08:00:00+25:00",
        "2026-11-30T08:00:00+0100",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-01:00",
        "2026-11-30T08:00:00Z ",
        "\N{FULLWIDTH DIGIT TWO}026-11-30T08:00:00Z",
        "1764489600",
        "",
    ],
)
def test_an_instant_without_offset_or_in_another_form_is_refused(text: str) -> None:
    """A naive `deviceTime` was taken for UTC, and a week date was accepted."""
    with pytest.raises(ValueError, match=r"^(A |The )"):
        parse_instant(text)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("08:00+09:00", "without an offset"),
        ("08:00Z", "without an offset"),
        ("24:00", "the end of the day is 00:00"),
        ("08:60", "there is no 08:60"),
        ("8:00", "written as"),
        ("0800", "written as"),
        ("08", "written as"),
    ],
)
def test_a_time_of_day_tells_what_is_wrong(text: str, hint: str) -> None:
    """`08:00+09:00` lost its offset, and `24:00` was refused without a hint."""
    with pytest.raises(ValueError, match=hint):
        parse_time_of_day(text)


def test_times_and_dates_are_read() -> None:
    assert parse_time_of_day("08:00") == time(8)
    assert parse_time_of_day("23:59:59.5") == time(23, 59, 59, 500_000)
    assert parse_date("2028-02-29") == date(2028, 2, 29)
    assert parse_instant("2026-11-30t08:00:00.123456789z").microsecond == 123_456


@pytest.mark.parametrize("text", ["2026-W48-1", "20261130", "2026-2-3", "2026-02-30", "0001-01-01"])
def test_a_date_in_another_form_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^(A date|The year)"):
        parse_date(text)
