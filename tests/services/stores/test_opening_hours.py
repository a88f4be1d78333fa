"""Time that counts only while a store is open."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from models.stores import StoreHours
from services.stores.opening_hours import add_open_seconds


def test_the_waiting_time_of_a_pickup_counts_in_opening_hours() -> None:
    """An order is ready ten minutes before the store closes: the rest counts from the morning."""
    lisbon = ZoneInfo("Europe/Lisbon")
    hours = [StoreHours(weekday=day, opens=time(8), closes=time(22)) for day in range(7)]
    ready = datetime(2026, 7, 1, 21, 50, tzinfo=lisbon)
    due = add_open_seconds(hours, lisbon, ready.astimezone(UTC), 7200)
    assert due == datetime(2026, 7, 2, 9, 50, tzinfo=lisbon)
    assert add_open_seconds(hours, lisbon, ready, 600) == datetime(2026, 7, 1, 22, tzinfo=lisbon)
    at_night = [StoreHours(weekday=2, opens=time(20), closes=time(2))]
    late = datetime(2026, 7, 2, 1, tzinfo=lisbon)
    assert add_open_seconds(at_night, lisbon, late, 1800) == late + timedelta(minutes=30)
    assert add_open_seconds([], lisbon, ready, 60) == ready + timedelta(seconds=60)
