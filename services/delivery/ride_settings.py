"""Timers, distances and rules of failed attempts: the one place of the settings of deliveries.

They are the same for all companies; those that a company may set are in models/timers.py. Seconds
and metres.
"""

from collections.abc import Mapping, Set
from dataclasses import dataclass

from models.delivery import DeliveryFailureReason, DeliveryProof, DeliveryStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class RideSettings:
    """Distances of deliveries, and what is the same for all companies."""

    rider_distance_m: int = 10_000
    wide_rider_distance_m: int = 25_000
    position_fresh_seconds: int = 60
    """A position of this age says where the rider is."""
    shift_silence_seconds: int = 1_800
    """A rider without a delivery who sends no position for so long is not on shift any more."""
    place_radius_m: int = 300
    """A rider within this distance is at the store, or at the customer."""
    max_attempts: int = 2
    """Attempts to hand over the bags at the customer's door."""


SETTINGS = RideSettings()


@dataclass(frozen=True, slots=True, kw_only=True)
class StateTimer:
    """How long a delivery may stay in a state, and the subject of the case that support gets."""

    seconds: int
    subject: str


_TO_STORE = StateTimer(seconds=1_800, subject="The rider does not reach the store")
_TO_CUSTOMER = StateTimer(seconds=3_600, subject="The rider does not reach the customer")
# The timer of a way begins with its first state: movement on the way does not restart it.
# OFFERED and SEARCHING have the timers of the search, all states with a rider those of silence too.
STATE_TIMERS: Mapping[DeliveryStatus, StateTimer] = {
    DeliveryStatus.ASSIGNED: _TO_STORE,
    DeliveryStatus.EN_ROUTE_TO_STORE: _TO_STORE,
    DeliveryStatus.AT_STORE: StateTimer(seconds=900, subject="The rider waits at the store"),
    DeliveryStatus.PICKED_UP: _TO_CUSTOMER,
    DeliveryStatus.EN_ROUTE_TO_CUSTOMER: _TO_CUSTOMER,
    DeliveryStatus.ARRIVING: _TO_CUSTOMER,
    DeliveryStatus.AT_CUSTOMER: StateTimer(
        seconds=900, subject="The rider does not leave the customer"
    ),
    DeliveryStatus.ATTEMPT_FAILED: StateTimer(
        seconds=600, subject="The rider decides neither on another attempt nor on the return"
    ),
    DeliveryStatus.RETURNING: StateTimer(
        seconds=2_700, subject="The bags do not come back to the store"
    ),
}
# Instead of the timer of the state, while the bags are on the way and nobody is assigned.
WITHOUT_RIDER = StateTimer(seconds=900, subject="The delivery needs another rider")


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureRule:
    """What a reason of a failed attempt needs, and who pays the delivery fee.

    `waits`: the reason is refused before the company's `no_show_wait_seconds` at the door, which
    count from the first position there. The customer pays the fee for `fee_after_wait` after the
    same wait, otherwise the company pays. So there is no way to charge a customer for a delivery
    without waiting for them. `by_rider`: riders may give the reason; `second_attempt`: another
    attempt may help.
    """

    waits: bool = False
    fee_after_wait: bool = False
    proofs: Set[DeliveryProof] = frozenset()
    second_attempt: bool = False
    by_rider: bool = True


_AT_DOOR = frozenset({DeliveryProof.POSITION})
# Where the customer did nothing, no wait and no place shows it: support reads what happened.
_IN_WORDS = frozenset({DeliveryProof.NOTE})
FAILURE_RULES: Mapping[DeliveryFailureReason, FailureRule] = {
    DeliveryFailureReason.RECIPIENT_UNAVAILABLE: FailureRule(
        waits=True,
        fee_after_wait=True,
        proofs=_AT_DOOR | {DeliveryProof.CALL},
        second_attempt=True,
    ),
    DeliveryFailureReason.WRONG_ADDRESS: FailureRule(
        waits=True,
        fee_after_wait=True,
        proofs=_AT_DOOR | {DeliveryProof.CALL},
        second_attempt=True,
    ),
    DeliveryFailureReason.RECIPIENT_REFUSED: FailureRule(fee_after_wait=True, proofs=_AT_DOOR),
    DeliveryFailureReason.AGE_CHECK_FAILED: FailureRule(
        fee_after_wait=True, proofs=_AT_DOOR | {DeliveryProof.AGE_CHECK}
    ),
    DeliveryFailureReason.UNSAFE_LOCATION: FailureRule(proofs=_IN_WORDS),
    DeliveryFailureReason.ITEMS_DAMAGED: FailureRule(proofs=_IN_WORDS),
    DeliveryFailureReason.PAYMENT_LOST: FailureRule(proofs=frozenset({DeliveryProof.PAYMENT})),
    DeliveryFailureReason.RIDER_UNAVAILABLE: FailureRule(by_rider=False),
}
