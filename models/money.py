from typing import NamedTuple


class Money(NamedTuple):
    """An amount in minor units (cents) of an ISO 4217 currency."""

    minor: int
    currency: str
