"""How fast one socket may speak: a bucket that refills with time."""

import time


class Pace:
    """Allows a burst at once and a steady rate after it."""

    def __init__(self, *, per_second: float, burst_count: int) -> None:
        self._per_second = per_second
        self._burst_count = burst_count
        self._left = float(burst_count)
        self._at = time.monotonic()

    def allows(self) -> bool:
        """Take one from the bucket; False when it is empty."""
        now = time.monotonic()
        refilled = self._left + (now - self._at) * self._per_second
        self._left = min(float(self._burst_count), refilled)
        self._at = now
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True
