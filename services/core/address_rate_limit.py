"""Limits how often one client network may do something that needs no sign-in."""

from models.message_text import duration_text
from services.core.network_address import parse_network
from services.core.problems import DomainError, RateLimited
from services.core.rate_limiter import CostRejected, RateLimiter
from services.core.token_bucket import BucketSize

SECONDS_PER_HOUR = 3600
SITE_FACTOR = 4
"""How many times the limit of one client applies to all clients of an IPv6 /48."""


class AddressRateLimit:
    """Allows each client network `per_hour` attempts at once, and as many an hour after that.

    Counted in the buckets of `limiter`, which the processes may share.
    """

    def __init__(self, attempts: str, per_hour: int, limiter: RateLimiter | None = None) -> None:
        """`attempts` names them in the refusal: "Too many {attempts} from your address."."""
        self._attempts = attempts
        self._size = _size(per_hour)
        self._site_size = _size(per_hour * SITE_FACTOR)
        self._limiter = RateLimiter() if limiter is None else limiter

    def count_attempt(self, address: str) -> None:
        """Count one attempt; raises DomainError with RateLimited when there were too many."""
        network = parse_network(address)
        if not network.limited:
            return
        buckets = [(f"{self._attempts}:{network.key}", self._size)]
        if network.site_key is not None:
            buckets.append((f"{self._attempts}:{network.site_key}", self._site_size))
        reserved = self._limiter.reserve(buckets, 1)
        if isinstance(reserved, CostRejected):
            seconds = reserved.retry_after_seconds
            wait = duration_text(seconds)
            message = f"Too many {self._attempts} from your address. Try again in {wait}."
            raise DomainError(
                RateLimited(path=["input"], message=message, retry_after_seconds=seconds)
            )


def _size(per_hour: int) -> BucketSize:
    return BucketSize(per_hour, per_hour / SECONDS_PER_HOUR)
