"""The buckets of all callers: who may spend what, decided in memory in a few microseconds."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from server.rate_limit.bucket import Bucket, Size

BUCKETS_COUNT = 50_000

Wanted = Sequence[tuple[str, Size]]


class Held(NamedTuple):
    """A cost that was taken out of these buckets before its operation ran."""

    buckets: tuple[Bucket, ...]
    cost: int


@dataclass(frozen=True, slots=True)
class Short:
    """A cost that a bucket could not pay, and when it could."""

    cost: int
    available: int
    retry_after_seconds: int


class Allowances:
    """Holds and settles costs; knows the buckets used last, at most BUCKETS_COUNT of them."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, buckets_count: int = BUCKETS_COUNT
    ) -> None:
        self._clock = clock
        self._most = buckets_count
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()
        self._spent: dict[str, Bucket] = {}
        self.told = False
        """Whether a ledger asks what was spent; without one nothing is kept for it."""

    def __len__(self) -> int:
        return len(self._buckets)

    def hold(self, wanted: Wanted, cost: int) -> Held | Short:
        """Take `cost` out of every bucket, or out of none when one of them is too low."""
        if not wanted:
            return Held((), cost)
        now = self._clock()
        buckets = tuple(self._bucket(name, size, now) for name, size in wanted)
        for bucket in buckets:
            if seconds := bucket.lacks_seconds(cost, now):
                available = max(0, int(bucket.level(now)))
                return Short(cost, available, math.ceil(seconds))
        self._pay(buckets, cost, now)
        return Held(buckets, cost)

    def settle(self, held: Held, actual: int) -> None:
        """Give back what was held too much, or take what was held too little."""
        if actual != held.cost and held.buckets:
            self._pay(held.buckets, actual - held.cost, self._clock())

    def tightest(self, held: Held) -> tuple[Size, int] | None:
        """The bucket with the smallest part left, and what it holds; None when nothing counts."""
        if not held.buckets:
            return None
        now = self._clock()
        lowest = min(held.buckets, key=lambda one: one.level(now) / one.size.maximum)
        return lowest.size, max(0, int(lowest.level(now)))

    def spent(self, most: int) -> list[Bucket]:
        """Up to `most` buckets whose spending nobody was told of; they count as told from here."""
        names = list(self._spent)[:most]
        return [self._spent.pop(name) for name in names]

    def missed(self, buckets: Sequence[Bucket]) -> None:
        """The ledger could not be reached with these: it hears their level the next time."""
        for bucket in buckets:
            bucket.unsure = True

    def now(self) -> float:
        """The moment by the clock of the buckets."""
        return self._clock()

    def _pay(self, buckets: tuple[Bucket, ...], cost: int, now: float) -> None:
        for bucket in buckets:
            bucket.pay(cost, now)
            if self.told:
                self._spent[bucket.name] = bucket

    def _bucket(self, name: str, size: Size, now: float) -> Bucket:
        bucket = self._buckets.get(name)
        if bucket is None:
            bucket = self._buckets[name] = Bucket(name, size, now)
            if len(self._buckets) > self._most:
                self._buckets.popitem(last=False)
        else:
            self._buckets.move_to_end(name)
        return bucket
