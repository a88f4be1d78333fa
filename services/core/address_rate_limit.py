"""Limits how often one network address may do something that needs no sign-in."""

import math
import time
from collections import OrderedDict
from functools import lru_cache
from ipaddress import ip_address

from services.core.problems import DomainError, RateLimited
from services.core.token_bucket import BucketSize, TokenBucket

SECONDS_PER_HOUR = 3600
MAX_ADDRESSES = 50_000


class AddressRateLimit:
    """Allows each address `per_hour` attempts at once, and as many an hour after that.

    Counted in this process alone, for the MAX_ADDRESSES addresses seen last.
    """

    def __init__(self, attempts: str, per_hour: int) -> None:
        """`attempts` names them in the refusal: "Too many {attempts} from your address."."""
        self._attempts = attempts
        self._size = BucketSize(per_hour, per_hour / SECONDS_PER_HOUR)
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()

    def count_attempt(self, address: str) -> None:
        """Count one attempt; raises DomainError with RateLimited when there were too many."""
        if not is_rate_limited(address):
            return
        now = time.monotonic()
        bucket = self._buckets.get(address)
        if bucket is None:
            bucket = self._buckets[address] = TokenBucket(self._size, now)
            if len(self._buckets) > MAX_ADDRESSES:
                self._buckets.popitem(last=False)
        else:
            self._buckets.move_to_end(address)
        if not bucket.try_take(1, now):
            wait = max(1, math.ceil(bucket.seconds_until(1, now)))
            message = f"Too many {self._attempts} from your address. Try again in {wait} seconds."
            raise DomainError(
                RateLimited(path=["input"], message=message, retry_after_seconds=wait)
            )


@lru_cache(MAX_ADDRESSES)
def is_rate_limited(address: str) -> bool:
    """Whether an address is limited: a proxy or simulation on this machine speaks for many."""
    try:
        return not ip_address(address).is_loopback
    except ValueError:
        return False
