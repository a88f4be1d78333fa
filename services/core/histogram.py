"""A histogram that costs one binary search per value."""

from bisect import bisect_left
from collections.abc import Sequence


class Histogram:
    """Counts values up to each bound, and beyond the last one."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = tuple(bounds)
        self.counts = [0] * (len(self.bounds) + 1)
        self.total = 0.0

    def add(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    @property
    def count(self) -> int:
        """How many values there are."""
        return sum(self.counts)

    @property
    def mean(self) -> float | None:
        """The mean of the values; None without any."""
        return self.total / count if (count := self.count) else None

    def quantile_bound(self, share: float) -> float | None:
        """The lowest bound that at least this share of the values does not exceed.

        None without values, and when it is beyond the last bound.
        """
        needed, seen = share * self.count, 0
        for bound, count in zip(self.bounds, self.counts, strict=False):
            seen += count
            if seen >= needed > 0:
                return bound
        return None
