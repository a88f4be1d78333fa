"""Validates reported positions: within the shift, in order of time, at a possible speed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from math import ceil, isfinite

from models.message_text import duration_text
from models.riders import RejectedLocationReason
from services.core.geo_points import parse_point
from services.core.problems import DomainError, InvalidInput, Problem, RateLimited, range_problem
from services.delivery.positions.rider_positions import GpsReading, RiderState
from services.routing.distances import distance_m

MIN_REPORT_INTERVAL_SECONDS = 0.25
MAX_SPEED_MPS = 60.0
MAX_ACCURACY_M = 10_000.0
MIN_JUMP_SECONDS = 1.0
MAX_POINTS = 100
MAX_AGE_SECONDS = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ImplausibleLocation(Problem):
    """A speed of `speed_meters_per_second` would have been needed since the last report."""

    speed_meters_per_second: float


@dataclass(frozen=True, slots=True)
class RejectedLocation:
    """An ignored point: its index in the report, from 0, and the reason."""

    index: int
    reason: RejectedLocationReason
    speed_meters_per_second: float | None = None


@dataclass(frozen=True, slots=True)
class ValidatedReadings:
    """The accepted readings with their times, the earliest first, and the ignored points."""

    accepted: Sequence[tuple[GpsReading, datetime]]
    ignored: Sequence[RejectedLocation]


def check_reading(reading: GpsReading, *path: str) -> GpsReading:
    """The reading. Raises DomainError: InvalidInput for every value out of range."""
    if reasons := reading_problems(reading, path):
        raise DomainError(*reasons)
    return reading


def check_readings(readings: Sequence[GpsReading], path: str) -> Sequence[GpsReading]:
    """The readings of one report: 1 to MAX_POINTS, the oldest first.

    Raises DomainError: InvalidInput.
    """
    if not 0 < len(readings) <= MAX_POINTS:
        message = f"A report has 1 to {MAX_POINTS} points."
        raise DomainError(InvalidInput(path=["input", path], message=message))
    problems = [
        problem
        for index, reading in enumerate(readings)
        for problem in reading_problems(reading, ("input", path, f"{index}"))
    ]
    if not problems and any(
        earlier.age_seconds < later.age_seconds for earlier, later in pairwise(readings)
    ):
        problems = [InvalidInput(path=["input", path], message="The oldest point comes first.")]
    if problems:
        raise DomainError(*problems)
    return readings


def reading_problems(reading: GpsReading, path: Sequence[str]) -> list[Problem]:
    """A problem for every value of a reading that is out of range."""
    problems: list[Problem] = []
    try:
        parse_point(reading.latitude, reading.longitude, *path)
    except DomainError as error:
        problems += error.problems
    bounds: Mapping[str, tuple[float | None, float]] = {
        "headingDegrees": (reading.heading_degrees, 360.0),
        "speedMetersPerSecond": (reading.speed_meters_per_second, MAX_SPEED_MPS),
        "accuracyMeters": (reading.accuracy_meters, MAX_ACCURACY_M),
        "ageSeconds": (reading.age_seconds, MAX_AGE_SECONDS),
    }
    for name, (value, maximum) in bounds.items():
        if value is not None and not (isfinite(value) and 0 <= value <= maximum):
            problems.append(range_problem([*path, name], 0, maximum))
    return problems


def validate_readings(rider: RiderState, readings: Sequence[GpsReading]) -> ValidatedReadings:
    """Validate the readings of an online rider, each against the one before."""
    accepted: list[tuple[GpsReading, datetime]] = []
    ignored: list[RejectedLocation] = []
    last, last_read_at = rider.last_reading, rider.last_seen_at
    for index, reading in enumerate(readings):
        read_at = rider.now - timedelta(seconds=reading.age_seconds)
        if rider.online_since is None or read_at < rider.online_since:
            ignored.append(RejectedLocation(index, RejectedLocationReason.BEFORE_SHIFT))
            continue
        if last is not None and last_read_at is not None:
            rejection = _rejection(last, last_read_at, reading, read_at)
            if rejection is not None:
                ignored.append(RejectedLocation(index, *rejection))
                continue
        accepted.append((reading, read_at))
        last, last_read_at = reading, read_at
    return ValidatedReadings(accepted, ignored)


def problem_of_ignored_point(ignored: RejectedLocation) -> Problem:
    """The problem of a report of one point that was ignored."""
    if (
        ignored.reason is RejectedLocationReason.IMPLAUSIBLE_LOCATION
        and ignored.speed_meters_per_second is not None
    ):
        speed = ignored.speed_meters_per_second
        message = f"That is {speed:,.0f} m/s since the last report; at most 60 is believed."
        return ImplausibleLocation(
            path=["input", "latitude"], message=message, speed_meters_per_second=speed
        )
    return rate_limited()


def rate_limited() -> RateLimited:
    """The problem of reports that come too fast."""
    retry = ceil(MIN_REPORT_INTERVAL_SECONDS)
    message = f"The last report came a moment ago: wait {duration_text(retry)}."
    return RateLimited(path=["input"], message=message, retry_after_seconds=retry)


def _rejection(
    last: GpsReading, last_read_at: datetime, reading: GpsReading, read_at: datetime
) -> tuple[RejectedLocationReason, float | None] | None:
    """The reason to ignore a reading that follows `last`, with the implied speed of a jump."""
    seconds = (read_at - last_read_at).total_seconds()
    if seconds <= 0:
        return RejectedLocationReason.NOT_NEWER, None
    if seconds < MIN_REPORT_INTERVAL_SECONDS:
        return RejectedLocationReason.TOO_SOON, None
    distance = distance_m(last.location, reading.location)
    distance -= (last.accuracy_meters or 0) + (reading.accuracy_meters or 0)
    speed = distance / max(seconds, MIN_JUMP_SECONDS)
    if speed > MAX_SPEED_MPS:
        return RejectedLocationReason.IMPLAUSIBLE_LOCATION, round(speed, 1)
    return None
