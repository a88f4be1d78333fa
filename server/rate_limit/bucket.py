"""A bucket of cost units that fills again with time."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Size:
    """How much a bucket holds, and how much flows back into it each second."""

    maximum: int
    per_second: int


class Bucket:
    """The level of one caller's bucket at a moment, and what of it is not yet told to the ledger.

    The level may fall below zero, by no more than the bucket holds: a debt is paid back first.
    """

    __slots__ = ("_at", "_level", "name", "size", "unsure", "untold")

    def __init__(self, name: str, size: Size, now: float) -> None:
        self.name = name
        self.size = size
        self._level = float(size.maximum)
        self._at = now
        self.untold = 0
        self.unsure = False
        """Whether the ledger may have missed something, and must not say more than this level."""

    def level(self, now: float) -> float:
        """What there is to spend."""
        size = self.size
        self._level = min(size.maximum, self._level + (now - self._at) * size.per_second)
        self._at = now
        return self._level

    def lacks_seconds(self, cost: int, now: float) -> float:
        """How long it takes until `cost` can be paid; 0 when it can be.

        A full bucket pays for anything, so that no cost is out of reach for ever.
        """
        missing = min(cost, self.size.maximum) - self.level(now)
        return max(0.0, missing / self.size.per_second)

    def pay(self, cost: int, now: float) -> None:
        """Take `cost` out, or put it back when it is negative."""
        size = self.size
        level = self.level(now) - cost
        self._level = min(float(size.maximum), max(level, -float(size.maximum)))
        self.untold += cost

    def hear(self, level: float, now: float) -> None:
        """Take over the level that the ledger knows of, less what it was not told."""
        self._at = now
        self._level = min(float(self.size.maximum), level - self.untold)
        self.unsure = False
