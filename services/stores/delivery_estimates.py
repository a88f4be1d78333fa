"""How long a delivery takes: half of them arrive within p50, nine of ten within p90.

    ride = distance * DETOUR / speed
    p50  = preparation + ride + HANDOVER
    p90  = PREPARATION_SPREAD * preparation + RIDE_SPREAD * ride + 2 * HANDOVER

The distance is a straight line; streets make it about a third longer. The spreads come from
comparing free-flow estimates with real taxi rides, which took 1.4 to 1.6 times as long.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

DETOUR = 1.35
RIDE_MPS = 5.5
HANDOVER_SECONDS = 90
PREPARATION_SPREAD = 1.5
RIDE_SPREAD = 1.6
PROMISE_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Promise:
    """A delivery time and fee that a customer can count on until `expires_at`."""

    p50_seconds: int
    p90_seconds: int
    distance_m: int
    fee_minor: int
    currency: str
    expires_at: datetime


def promise(
    *, distance_m: int, preparation_seconds: int, fee_minor: int, currency: str, now: datetime
) -> Promise:
    """The promise made at `now` (the database's clock) for a straight line of `distance_m`."""
    ride = distance_m * DETOUR / RIDE_MPS
    return Promise(
        p50_seconds=ceil(preparation_seconds + ride + HANDOVER_SECONDS),
        p90_seconds=ceil(
            PREPARATION_SPREAD * preparation_seconds + RIDE_SPREAD * ride + 2 * HANDOVER_SECONDS
        ),
        distance_m=distance_m,
        fee_minor=fee_minor,
        currency=currency,
        expires_at=now + timedelta(seconds=PROMISE_SECONDS),
    )
