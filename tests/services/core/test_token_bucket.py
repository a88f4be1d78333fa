"""The token bucket, and the limit of attempts per address that is built on it."""

import pytest

from services.core.address_rate_limit import AddressRateLimit
from services.core.problems import DomainError, RateLimited
from services.core.rate_limiter import RateLimiter
from services.core.token_bucket import BucketSize, TokenBucket

ADDRESS = "203.0.113.9"


def test_a_bucket_allows_a_burst_and_then_a_steady_rate() -> None:
    bucket = TokenBucket(BucketSize(capacity=3, refill_per_second=2), now=100.0)
    assert [bucket.try_take(1, 100.0) for _ in range(4)] == [True, True, True, False]
    assert bucket.seconds_until(1, 100.0) == 0.5
    assert not bucket.try_take(1, 100.4)
    assert bucket.try_take(1, 100.5)
    assert bucket.level(1_000.0) == 3


def test_a_debt_is_limited_and_paid_back_first() -> None:
    bucket = TokenBucket(BucketSize(capacity=10, refill_per_second=1), now=0.0)
    bucket.take(1_000, 0.0)
    assert bucket.level(0.0) == -10
    assert bucket.seconds_until(1, 0.0) == 11
    bucket.take(-1_000, 0.0)
    assert bucket.level(0.0) == 10


def test_each_address_has_its_attempts_at_once_and_as_many_an_hour_after_that() -> None:
    now = 1_000.0
    limit = AddressRateLimit("guests were started", 60, RateLimiter(lambda: now))
    for _ in range(60):
        limit.count_attempt(ADDRESS)
    with pytest.raises(DomainError) as raised:
        limit.count_attempt(ADDRESS)
    [problem] = raised.value.problems
    assert isinstance(problem, RateLimited)
    assert problem.retry_after_seconds == 60
    assert problem.message.startswith("Too many guests were started from your address.")
    limit.count_attempt("203.0.113.10")
    now += 60
    limit.count_attempt(ADDRESS)
    with pytest.raises(DomainError):
        limit.count_attempt(ADDRESS)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "unknown", ""])
def test_addresses_of_this_machine_are_not_limited(address: str) -> None:
    limit = AddressRateLimit("guests were started", per_hour=1)
    for _ in range(10):
        limit.count_attempt(address)
