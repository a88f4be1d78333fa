"""How long the steps of an order may take in a company: defaults, bounds and a company's own."""

from collections.abc import Mapping
from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanyTimers:
    """The timers of a company in seconds; the defaults hold where it has set none."""

    payment_seconds: int = 480
    """A new order waits for its payment; guests wait no longer than the installation allows."""
    accept_seconds: int = 45
    """A store has to accept a task, or the order moves to the next store."""
    resume_seconds: int = 300
    """The same for a task that was given back after picking had begun."""
    offer_seconds: int = 20
    """A rider has to answer an offer."""
    rider_silence_seconds: int = 180
    """A silent rider loses a delivery before pickup, and is asked for a position after it."""
    rider_silence_case_seconds: int = 480
    """Support gets a case about a silent rider with the bags."""
    no_show_wait_seconds: int = 300
    """A rider waits at the door before giving up, and before the customer pays for the ride."""


DEFAULT_TIMERS = CompanyTimers()
TIMER_BOUNDS: Mapping[str, tuple[int, int]] = {
    "payment_seconds": (120, 900),
    "accept_seconds": (15, 900),
    "resume_seconds": (60, 1_800),
    "offer_seconds": (10, 120),
    "rider_silence_seconds": (60, 1_800),
    "rider_silence_case_seconds": (120, 3_600),
    "no_show_wait_seconds": (60, 1_800),
}
"""The least and the greatest number of seconds; the name is that of the field."""


def timers_with(overrides: Mapping[str, int]) -> CompanyTimers:
    """The timers with some of them replaced; names that are no timers any more are left out."""
    known = {field.name for field in fields(CompanyTimers)}
    return CompanyTimers(**{name: value for name, value in overrides.items() if name in known})
