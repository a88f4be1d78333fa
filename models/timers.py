"""How long the steps of an order may take: defaults, bounds, a company's own and a store's own."""

from collections.abc import Mapping
from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanyTimers:
    """The timers of a company or store in seconds; the defaults hold where none are set."""

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
    """A rider waits at the door before giving up, and before the customer pays for the ride.

    It ends before support gets a case, see STATE_TIMERS in services/delivery/ride_settings.py.
    """
    picking_idle_seconds: int = 600
    """An accepted task that nobody works on goes back to the queue."""
    substitute_answer_seconds: int = 60
    """A customer has to answer a substitute, or the preference of the line decides."""
    packed_wait_seconds: int = 300
    """Packed bags that are not staged: the store is told, after the same time again support."""
    staged_wait_seconds: int = 300
    """Staged bags that no rider picks up: store and support are told."""
    search_wider_seconds: int = 120
    """A search looks for riders farther away."""
    search_alert_seconds: int = 300
    """Store and support are told that no rider is found."""
    search_cancel_offer_seconds: int = 600
    """The customer may cancel with a full refund."""
    search_end_seconds: int = 1_800
    """The order of a search without a rider is canceled with a full refund."""
    reauthorization_seconds: int = 300
    """A customer has to confirm a payment that was lost before the charge again."""
    change_payment_seconds: int = 300
    """A customer has to confirm the higher total of a changed order."""


DEFAULT_TIMERS = CompanyTimers()
TIMER_BOUNDS: Mapping[str, tuple[int, int]] = {
    "payment_seconds": (120, 900),
    "accept_seconds": (15, 900),
    "resume_seconds": (60, 1_800),
    "offer_seconds": (10, 120),
    "rider_silence_seconds": (60, 1_800),
    "rider_silence_case_seconds": (120, 3_600),
    "no_show_wait_seconds": (60, 900),
    "picking_idle_seconds": (120, 3_600),
    "substitute_answer_seconds": (15, 900),
    "packed_wait_seconds": (60, 3_600),
    "staged_wait_seconds": (60, 3_600),
    "search_wider_seconds": (30, 1_800),
    "search_alert_seconds": (60, 3_600),
    "search_cancel_offer_seconds": (120, 7_200),
    "search_end_seconds": (300, 14_400),
    "reauthorization_seconds": (120, 1_800),
    "change_payment_seconds": (60, 900),
}
"""The least and the greatest number of seconds; the name is that of the field."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreTimers:
    """The timers that a store has set itself, in seconds; None where its company's hold."""

    payment_seconds: int | None = None
    accept_seconds: int | None = None
    resume_seconds: int | None = None
    offer_seconds: int | None = None
    rider_silence_seconds: int | None = None
    rider_silence_case_seconds: int | None = None
    no_show_wait_seconds: int | None = None
    picking_idle_seconds: int | None = None
    substitute_answer_seconds: int | None = None
    packed_wait_seconds: int | None = None
    staged_wait_seconds: int | None = None
    search_wider_seconds: int | None = None
    search_alert_seconds: int | None = None
    search_cancel_offer_seconds: int | None = None
    search_end_seconds: int | None = None
    reauthorization_seconds: int | None = None
    change_payment_seconds: int | None = None


def timers_with(*overrides: Mapping[str, int]) -> CompanyTimers:
    """The timers with some of them replaced, the last given ones count.

    Names that are no timers any more are left out.
    """
    return CompanyTimers(**_known(*overrides))


def changed_timers(
    overrides: Mapping[str, int], changes: Mapping[str, int | None]
) -> dict[str, int]:
    """Own timers after a change: None ends one, so that the company's or the default holds."""
    merged = {**overrides, **changes}
    return {name: seconds for name, seconds in merged.items() if seconds is not None}


def store_timers(overrides: Mapping[str, int]) -> StoreTimers:
    """The timers that a store has set itself."""
    return StoreTimers(**_known(overrides))


def _known(*overrides: Mapping[str, int]) -> dict[str, int]:
    names = {field.name for field in fields(CompanyTimers)}
    return {name: value for own in overrides for name, value in own.items() if name in names}
