"""Limits how often one client network may do something that needs no sign-in."""

import math
import time
from collections import OrderedDict

from services.core.network_address import ClientNetwork, parse_network
from services.core.problems import DomainError, RateLimited
from services.core.token_bucket import BucketSize, TokenBucket

SECONDS_PER_HOUR = 3600
MAX_NETWORKS = 50_000
SITE_FACTOR = 4
"""How many times the limit of one client applies to all clients of an IPv6 /48."""


class AddressRateLimit:
    """Allows each client network `per_hour` attempts at once, and as many an hour after that.

    Counted in this process alone, for the MAX_NETWORKS networks seen last.
    """

    def __init__(self, attempts: str, per_hour: int) -> None:
        """`attempts` names them in the refusal: "Too many {attempts} from your address."."""
        self._attempts = attempts
        self._size = _size(per_hour)
        self._site_size = _size(per_hour * SITE_FACTOR)
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()

    def count_attempt(self, address: str) -> None:
        """Count one attempt; raises DomainError with RateLimited when there were too many."""
        network = parse_network(address)
        if not network.limited:
            return
        now = time.monotonic()
        buckets = self._buckets_of(network, now)
        wait = max(bucket.seconds_until(1, now) for bucket in buckets)
        if wait:
            seconds = max(1, math.ceil(wait))
            message = (
                f"Too many {self._attempts} from your address. Try again in {seconds} seconds."
            )
            raise DomainError(
                RateLimited(path=["input"], message=message, retry_after_seconds=seconds)
            )
        for bucket in buckets:
            bucket.take(1, now)

    def _buckets_of(self, network: ClientNetwork, now: float) -> list[TokenBucket]:
        buckets = [self._bucket(network.key, self._size, now)]
        if network.site_key is not None:
            buckets.append(self._bucket(network.site_key, self._site_size, now))
        return buckets

    def _bucket(self, key: str, size: BucketSize, now: float) -> TokenBucket:
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = TokenBucket(size, now)
            if len(self._buckets) > MAX_NETWORKS:
                self._buckets.popitem(last=False)
        else:
            self._buckets.move_to_end(key)
        return bucket


def _size(per_hour: int) -> BucketSize:
    return BucketSize(per_hour, per_hour / SECONDS_PER_HOUR)
