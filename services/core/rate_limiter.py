"""The buckets of all callers: who may spend what, decided in memory in a few microseconds."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from services.core.token_bucket import BucketSize, TokenBucket

MAX_BUCKETS = 50_000

NamedBucketSizes = Sequence[tuple[str, BucketSize]]


class CallerBucket(TokenBucket):
    """One caller's bucket, with the cost that is not reported to other processes yet."""

    __slots__ = ("name", "unreported", "unsynced")

    def __init__(self, name: str, size: BucketSize, now: float) -> None:
        super().__init__(size, now)
        self.name = name
        self.unreported = 0
        """Cost that was taken here and not reported yet."""
        self.unsynced = False
        """Whether a report was lost: then the shared level must not exceed this one."""

    def sync(self, shared_level: float, now: float) -> None:
        """Take over the level that all processes share, less what was not reported to it."""
        self.set_level(shared_level - self.unreported, now)
        self.unsynced = False


class CostReservation(NamedTuple):
    """A cost that was taken from these buckets before its operation ran."""

    buckets: tuple[CallerBucket, ...]
    cost: int


@dataclass(frozen=True, slots=True)
class CostRejected:
    """A cost that a bucket can't pay, and when it could."""

    cost: int
    available: int
    retry_after_seconds: int


class RateLimiter:
    """Reserves and settles costs; remembers the `max_buckets` buckets used last."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, max_buckets: int = MAX_BUCKETS
    ) -> None:
        self._clock = clock
        self._max_buckets = max_buckets
        self._buckets: OrderedDict[str, CallerBucket] = OrderedDict()
        self._spent: dict[str, CallerBucket] = {}
        self._reporting = False

    def __len__(self) -> int:
        return len(self._buckets)

    def set_reporting(self, enabled: bool) -> None:
        """Collect spent buckets, which the caller then has to fetch by `take_unreported`."""
        self._reporting = enabled

    def reserve(self, sizes: NamedBucketSizes, cost: int) -> CostReservation | CostRejected:
        """Take `cost` from every bucket, or from none when one of them is too low."""
        if not sizes:
            return CostReservation((), cost)
        now = self._clock()
        buckets = tuple(self._bucket(name, size, now) for name, size in sizes)
        if (rejected := _rejection(buckets, cost, now)) is not None:
            return rejected
        self._take(buckets, cost, now)
        return CostReservation(buckets, cost)

    def rejection(self, sizes: NamedBucketSizes, cost: int) -> CostRejected | None:
        """Return why `cost` can't be taken now, and None if it can; nothing is taken.

        A bucket that nobody has spent from is full, and takes no place for being asked.
        """
        known = [bucket for name, _ in sizes if (bucket := self._buckets.get(name)) is not None]
        return _rejection(known, cost, self._clock()) if known else None

    def take(self, sizes: NamedBucketSizes, cost: int) -> None:
        """Take `cost` from every bucket, whether it is there or not."""
        now = self._clock()
        self._take(tuple(self._bucket(name, size, now) for name, size in sizes), cost, now)

    def settle(self, reservation: CostReservation, actual: int) -> None:
        """Give back what was reserved too much, or take what was reserved too little."""
        if actual != reservation.cost and reservation.buckets:
            self._take(reservation.buckets, actual - reservation.cost, self._clock())

    def lowest(self, reservation: CostReservation) -> tuple[BucketSize, int] | None:
        """The bucket with the smallest share left, and its level; None without any bucket."""
        if not reservation.buckets:
            return None
        now = self._clock()
        lowest = min(
            reservation.buckets, key=lambda bucket: bucket.level(now) / bucket.size.capacity
        )
        return lowest.size, max(0, int(lowest.level(now)))

    def take_unreported(self, limit: int) -> list[CallerBucket]:
        """Remove and return up to `limit` buckets whose spending was not reported yet."""
        names = list(self._spent)[:limit]
        return [self._spent.pop(name) for name in names]

    def mark_unsynced(self, buckets: Sequence[CallerBucket]) -> None:
        """Mark buckets whose report was lost: the next report contains their levels."""
        for bucket in buckets:
            bucket.unsynced = True

    def now(self) -> float:
        """The moment by the clock of the buckets."""
        return self._clock()

    def _take(self, buckets: tuple[CallerBucket, ...], cost: int, now: float) -> None:
        for bucket in buckets:
            bucket.take(cost, now)
            bucket.unreported += cost
            if self._reporting:
                self._spent[bucket.name] = bucket

    def _bucket(self, name: str, size: BucketSize, now: float) -> CallerBucket:
        bucket = self._buckets.get(name)
        if bucket is None:
            bucket = self._buckets[name] = CallerBucket(name, size, now)
            if len(self._buckets) > self._max_buckets:
                self._buckets.popitem(last=False)
        else:
            self._buckets.move_to_end(name)
        return bucket


def _rejection(buckets: Sequence[CallerBucket], cost: int, now: float) -> CostRejected | None:
    for bucket in buckets:
        if seconds := bucket.seconds_until(cost, now):
            available = max(0, int(bucket.level(now)))
            return CostRejected(cost, available, math.ceil(seconds))
    return None
