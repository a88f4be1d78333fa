"""How often a figure fell where: a histogram that costs one search a figure."""

from bisect import bisect_left
from collections.abc import Sequence


class Tally:
    """Counts figures up to each bound, and beyond the last one."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = tuple(bounds)
        self.counts = [0] * (len(self.bounds) + 1)
        self.total = 0.0

    def add(self, figure: float) -> None:
        self.counts[bisect_left(self.bounds, figure)] += 1
        self.total += figure

    @property
    def count(self) -> int:
        """How many figures there were."""
        return sum(self.counts)

    @property
    def mean(self) -> float | None:
        """Their mean; None without any."""
        return self.total / count if (count := self.count) else None

    def bound(self, share: float) -> float | None:
        """The bound below which at least this share of the figures is.

        None without figures, and when it is beyond the last bound.
        """
        wanted, seen = share * self.count, 0
        for bound, count in zip(self.bounds, self.counts, strict=False):
            seen += count
            if seen >= wanted > 0:
                return bound
        return None
