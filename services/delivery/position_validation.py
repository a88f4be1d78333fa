"""Which points of a report are believed: only those of this shift, in order, at a rider's speed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from math import ceil, isfinite

from models.delivery import IgnoredPointReason
from services.core.geo_points import point
from services.core.problems import InvalidInput, Problem, RateLimited, Refused
from services.delivery.rider_positions import Fix, Standing
from services.routing.distances import distance_m

REPORT_EVERY_SECONDS = 0.25
SPEED_MOST_MPS = 60.0
ACCURACY_MOST_M = 10_000.0
JUMP_FLOOR_SECONDS = 1.0
POINTS_MOST = 100
AGO_MOST_SECONDS = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ImplausibleJump(Problem):
    """Nobody rides that fast: `speed_mps` would have been needed since the last report."""

    speed_mps: float


@dataclass(frozen=True, slots=True)
class IgnoredPoint:
    """A point that was not believed: the how manieth of the report (from 0), and why."""

    index: int
    reason: IgnoredPointReason
    speed_mps: float | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """The points that are believed, the earliest first, with their moments; and the others."""

    believed: Sequence[tuple[Fix, datetime]]
    ignored: Sequence[IgnoredPoint]


def sound(fix: Fix, *path: str) -> Fix:
    """The fix; refused with every value that no device could mean."""
    if reasons := unsound(fix, path):
        raise Refused(*reasons)
    return fix


def sound_all(fixes: Sequence[Fix], path: str) -> Sequence[Fix]:
    """The points of one report; refused unless there are 1 to 100 sound ones, oldest first."""
    if not 0 < len(fixes) <= POINTS_MOST:
        message = f"A report has 1 to {POINTS_MOST} points."
        raise Refused(InvalidInput(path=["input", path], message=message))
    reasons = [
        one for nth, fix in enumerate(fixes) for one in unsound(fix, ("input", path, f"{nth}"))
    ]
    if not reasons and any(a.ago_seconds < b.ago_seconds for a, b in pairwise(fixes)):
        reasons = [InvalidInput(path=["input", path], message="The oldest point comes first.")]
    if reasons:
        raise Refused(*reasons)
    return fixes


def unsound(fix: Fix, path: Sequence[str]) -> list[Problem]:
    """Every value of a fix that no device could mean."""
    reasons: list[Problem] = []
    try:
        point(fix.latitude, fix.longitude, *path)
    except Refused as refused:
        reasons += refused.reasons
    bounds: Mapping[str, tuple[float | None, float]] = {
        "headingDegrees": (fix.heading_degrees, 360.0),
        "speedMps": (fix.speed_mps, SPEED_MOST_MPS),
        "accuracyM": (fix.accuracy_m, ACCURACY_MOST_M),
        "agoSeconds": (fix.ago_seconds, AGO_MOST_SECONDS),
    }
    for name, (value, most) in bounds.items():
        if value is not None and not (isfinite(value) and 0 <= value <= most):
            reasons.append(InvalidInput(path=[*path, name], message=f"This is from 0 to {most:g}."))
    return reasons


def judged(one: Standing, fixes: Sequence[Fix]) -> Judged:
    """What is believed of the points of a rider who is on duty, each held to the one before."""
    believed: list[tuple[Fix, datetime]] = []
    ignored: list[IgnoredPoint] = []
    last, last_at = one.last, one.last_seen_at
    for index, fix in enumerate(fixes):
        at = one.now - timedelta(seconds=fix.ago_seconds)
        if one.online_since is None or at < one.online_since:
            ignored.append(IgnoredPoint(index, IgnoredPointReason.BEFORE_SHIFT))
            continue
        if last is not None and last_at is not None:
            fault = _fault(last, last_at, fix, at)
            if fault is not None:
                ignored.append(IgnoredPoint(index, *fault))
                continue
        believed.append((fix, at))
        last, last_at = fix, at
    return Judged(believed, ignored)


def refusal_of(ignored: IgnoredPoint) -> Problem:
    """Why a report of one point was dropped."""
    if ignored.reason is IgnoredPointReason.IMPLAUSIBLE_JUMP and ignored.speed_mps is not None:
        speed = ignored.speed_mps
        message = f"That is {speed:.0f} m/s since the last report; at most 60 is believed."
        return ImplausibleJump(path=["input", "latitude"], message=message, speed_mps=speed)
    return too_often()


def too_often() -> RateLimited:
    """The refusal of whoever reports faster than anybody can draw."""
    message = f"Report at most every {REPORT_EVERY_SECONDS:g} seconds."
    retry = ceil(REPORT_EVERY_SECONDS)
    return RateLimited(path=["input"], message=message, retry_after_seconds=retry)


def _fault(
    last: Fix, last_at: datetime, fix: Fix, at: datetime
) -> tuple[IgnoredPointReason, float | None] | None:
    """What speaks against a point that follows `last`; the speed that it would have taken."""
    seconds = (at - last_at).total_seconds()
    if seconds <= 0:
        return IgnoredPointReason.NOT_NEWER, None
    if seconds < REPORT_EVERY_SECONDS:
        return IgnoredPointReason.TOO_SOON, None
    apart = distance_m(last.place, fix.place)
    apart -= (last.accuracy_m or 0) + (fix.accuracy_m or 0)
    speed = apart / max(seconds, JUMP_FLOOR_SECONDS)
    if speed > SPEED_MOST_MPS:
        return IgnoredPointReason.IMPLAUSIBLE_JUMP, round(speed, 1)
    return None
