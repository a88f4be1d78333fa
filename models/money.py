from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Money:
    """A sum in minor units (cents) of an ISO 4217 currency."""

    minor: int
    currency: str
