"""Token bucket: the one rate-limit mechanism. Allows a burst at once and a steady rate after it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BucketSize:
    """How many tokens a bucket holds, and how many flow back into it each second."""

    capacity: int
    refill_per_second: float


class TokenBucket:
    """The tokens left at a moment; a new bucket is full.

    Callers pass `now`, in seconds of one monotonic clock. The level may be negative, by at most
    the capacity: a debt is paid back by refilling before anything can be taken.
    """

    __slots__ = ("_level", "_updated_at", "size")

    def __init__(self, size: BucketSize, now: float) -> None:
        self.size = size
        self._level = float(size.capacity)
        self._updated_at = now

    def level(self, now: float) -> float:
        """Refill, and return the tokens left."""
        size = self.size
        refilled = self._level + (now - self._updated_at) * size.refill_per_second
        self._level = min(size.capacity, refilled)
        self._updated_at = now
        return self._level

    def seconds_until(self, tokens: int, now: float) -> float:
        """How long until `tokens` can be taken; 0 when they can be taken now.

        A full bucket allows any number, so that no cost is out of reach for ever.
        """
        missing = min(tokens, self.size.capacity) - self.level(now)
        return max(0.0, missing / self.size.refill_per_second)

    def try_take(self, tokens: int, now: float) -> bool:
        """Take `tokens` if the bucket holds as many; otherwise take none and return False."""
        if self.level(now) < tokens:
            return False
        self._level -= tokens
        return True

    def take(self, tokens: int, now: float) -> None:
        """Take `tokens` whether they are there or not; give them back when negative."""
        capacity = float(self.size.capacity)
        self._level = min(capacity, max(self.level(now) - tokens, -capacity))

    def set_level(self, level: float, now: float) -> None:
        """Replace the level by one that is known from elsewhere."""
        self._level = min(float(self.size.capacity), level)
        self._updated_at = now
