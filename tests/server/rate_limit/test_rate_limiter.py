"""Buckets in memory, and their synchronization between processes by Redis."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from models.identity import Actor, Grant, Role
from resolvers.context import Container
from server.rate_limit.callers import CallerBucketSizes
from server.rate_limit.redis_sync import KEY_PREFIX, RedisBucketSync
from services.core.address_rate_limit import AddressRateLimit
from services.core.problems import DomainError
from services.core.rate_limiter import CostRejected, CostReservation, RateLimiter
from services.core.token_bucket import BucketSize

SIZE = BucketSize(capacity=100, refill_per_second=10)
ADDRESS = "203.0.113.9"


@dataclass
class Clock:
    """A clock that a test sets."""

    at: float = 1_000.0

    def __call__(self) -> float:
        return self.at


def is_reserved(limiter: RateLimiter, cost: int, name: str = "a") -> bool:
    """Try to reserve a cost from one bucket."""
    return isinstance(limiter.reserve([(name, SIZE)], cost), CostReservation)


def test_a_bucket_pays_until_it_is_empty_and_tells_when_it_can_pay_again() -> None:
    clock = Clock()
    limiter = RateLimiter(clock)
    assert is_reserved(limiter, 60)
    rejected = limiter.reserve([("a", SIZE)], 60)
    assert rejected == CostRejected(cost=60, available=40, retry_after_seconds=2)
    clock.at += 1.9
    assert not is_reserved(limiter, 60)
    clock.at += 0.2
    assert is_reserved(limiter, 60)


def test_settling_gives_back_what_was_reserved_too_much_and_takes_what_was_too_little() -> None:
    limiter = RateLimiter(Clock())
    first = limiter.reserve([("a", SIZE)], 90)
    assert isinstance(first, CostReservation)
    assert limiter.lowest(first) == (SIZE, 10)
    limiter.settle(first, 30)
    assert limiter.lowest(first) == (SIZE, 70)
    second = limiter.reserve([("a", SIZE)], 70)
    assert isinstance(second, CostReservation)
    limiter.settle(second, 120)
    rejected = limiter.reserve([("a", SIZE)], 1)
    assert rejected == CostRejected(cost=1, available=0, retry_after_seconds=6)


def test_a_bucket_never_holds_more_than_its_capacity_nor_owes_more() -> None:
    clock = Clock()
    limiter = RateLimiter(clock)
    reservation = limiter.reserve([("a", SIZE)], 50)
    assert isinstance(reservation, CostReservation)
    limiter.settle(reservation, -10_000)
    assert limiter.lowest(reservation) == (SIZE, 100)
    limiter.settle(reservation, 10_000)
    clock.at += 20
    assert is_reserved(limiter, 100)


def test_a_cost_above_the_capacity_is_paid_by_a_full_bucket() -> None:
    clock = Clock()
    limiter = RateLimiter(clock)
    assert is_reserved(limiter, 150)
    clock.at += 14
    assert not is_reserved(limiter, 100)
    clock.at += 1
    assert is_reserved(limiter, 100)


def test_a_cost_is_taken_from_all_buckets_or_from_none() -> None:
    limiter = RateLimiter(Clock())
    assert is_reserved(limiter, 80, "company")
    assert isinstance(limiter.reserve([("me", SIZE), ("company", SIZE)], 50), CostRejected)
    reservation = limiter.reserve([("me", SIZE)], 100)
    assert isinstance(reservation, CostReservation)


def test_the_number_of_remembered_buckets_is_limited() -> None:
    limiter = RateLimiter(Clock(), max_buckets=10)
    for number in range(100):
        is_reserved(limiter, 1, str(number))
    assert len(limiter) == 10
    assert limiter.take_unreported(1_000) == []


def test_people_pay_with_their_company_and_anonymous_callers_by_their_address() -> None:
    sizes = CallerBucketSizes.of(1_000)
    company, store, person = uuid4(), uuid4(), uuid4()
    picker = Actor(person, uuid4(), (Grant(Role.STORE_STAFF, company, store),))
    customer = Actor(person, uuid4(), (Grant(Role.CUSTOMER),))
    assert [name for name, _ in sizes.buckets_of(picker, ADDRESS)] == [
        f"person:{person}",
        f"company:{company}",
    ]
    assert sizes.buckets_of(customer, ADDRESS) == [(f"person:{person}", sizes.person)]
    assert sizes.buckets_of(Actor(), ADDRESS) == [(f"address:{ADDRESS}", sizes.address)]
    assert sizes.buckets_of(Actor(), "127.0.0.1") == []


@asynccontextmanager
async def open_sync(url: str, limiter: RateLimiter) -> AsyncIterator[RedisBucketSync]:
    """A synchronization that runs only when a test calls it."""
    sync = RedisBucketSync([limiter], url)
    limiter.set_reporting(True)
    try:
        yield sync
    finally:
        await sync.close()


async def test_two_processes_learn_what_the_other_one_spent(redis_url: str) -> None:
    clock, name = Clock(), str(uuid4())
    one, two = RateLimiter(clock), RateLimiter(clock)
    async with open_sync(redis_url, one) as first, open_sync(redis_url, two) as second:
        assert is_reserved(one, 60, name)
        assert is_reserved(two, 30, name)
        assert await first.sync()
        assert await second.sync()
        rejected = two.reserve([(name, SIZE)], 20)
        assert isinstance(rejected, CostRejected)
        assert rejected.available in (10, 11)
        assert is_reserved(one, 30, name)  # does not know of the other yet
        assert await first.sync()
        assert not is_reserved(one, 1, name)  # now it owes what was too much


async def test_a_trip_to_redis_that_loses_a_cancellation_holds_up_no_shutdown(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server waited for ever for its task, which went on: a cancellation was lost in Redis."""
    limiter, under_way = RateLimiter(Clock()), asyncio.Event()
    sync = RedisBucketSync([limiter], redis_url)

    async def lose_cancellation(**_: object) -> list[object]:
        under_way.set()
        try:
            await asyncio.sleep(0.2)
        except asyncio.CancelledError:
            raise TimeoutError from None
        raise TimeoutError

    monkeypatch.setattr(sync, "_settle", lose_cancellation)
    limiter.set_reporting(True)
    assert is_reserved(limiter, 60, str(uuid4()))
    sync.start()
    await under_way.wait()
    async with asyncio.timeout(20):
        await sync.close()


async def test_a_full_bucket_expires_in_redis(redis_url: str) -> None:
    limiter, name = RateLimiter(Clock()), str(uuid4())
    async with open_sync(redis_url, limiter) as sync, Redis.from_url(redis_url) as redis:
        assert is_reserved(limiter, 50, name)
        assert await sync.sync()
        expires_ms = await redis.pttl(f"{KEY_PREFIX}{name}")
        assert 4_000 < expires_ms <= 6_100


async def test_without_redis_a_process_decides_alone_and_is_not_charged_for_it_later(
    redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    clock, name = Clock(), str(uuid4())
    limiter = RateLimiter(clock)
    async with open_sync("redis://127.0.0.1:9/0", limiter) as unreachable:
        for _ in range(20):
            assert is_reserved(limiter, 100, name)
            assert not await unreachable.sync()
            clock.at += 10
    assert caplog.text.count("by this process alone") == 1
    assert is_reserved(limiter, 70, name)
    async with open_sync(redis_url, limiter) as sync:
        assert is_reserved(limiter, 0, name)
        assert await sync.sync()
        rejected = limiter.reserve([(name, SIZE)], 50)
        assert isinstance(rejected, CostRejected)
        assert rejected.available == 30


def allowed_count(limit: AddressRateLimit, address: str, attempts: int) -> int:
    """How many of these attempts are allowed."""
    refused = 0
    for _ in range(attempts):
        try:
            limit.count_attempt(address)
        except DomainError:
            refused += 1
    return attempts - refused


def random_network() -> tuple[str, str]:
    """Two addresses of one IPv6 /64 that no other test uses."""
    digits = uuid4().hex
    prefix = f"2001:{digits[:4]}:{digits[4:8]}:{digits[8:12]}"
    return f"{prefix}::1", f"{prefix}::2"


async def test_attempts_of_a_stranger_are_counted_by_all_processes(redis_url: str) -> None:
    """With four processes a stranger had four times as many guests, links and sign-ins."""
    one, two = RateLimiter(), RateLimiter()
    limits = [AddressRateLimit("guests were started", 10, limiter) for limiter in (one, two)]
    other = AddressRateLimit("links were asked for", 10, two)
    here, there = random_network()
    async with open_sync(redis_url, one) as first, open_sync(redis_url, two) as second:
        assert allowed_count(limits[0], here, 9) == 9
        assert await first.sync()
        assert allowed_count(limits[1], there, 1) == 1
        assert await second.sync()
        assert allowed_count(limits[1], there, 5) == 0
        assert allowed_count(other, there, 20) == 10


async def test_every_limit_of_strangers_is_shared(redis_url: str, container: Container) -> None:
    """Walks them: each counts in the buckets that the process shares."""
    authenticator = container.authenticator
    limits = [each for each in vars(authenticator).values() if isinstance(each, AddressRateLimit)]
    assert len(limits) == 3
    authenticator.strangers.set_reporting(True)
    try:
        authenticator.strangers.take_unreported(10_000)
        for number, limit in enumerate(limits):
            limit.count_attempt(random_network()[0])
            assert len(authenticator.strangers.take_unreported(10_000)) == 2, number
    finally:
        authenticator.strangers.set_reporting(False)


async def test_strangers_are_counted_when_redis_is_gone() -> None:
    """A process without Redis keeps its own count: an outage opens no door."""
    limiter = RateLimiter()
    limit = AddressRateLimit("guests were started", 10, limiter)
    async with open_sync("redis://127.0.0.1:9/0", limiter) as unreachable:
        assert allowed_count(limit, ADDRESS, 6) == 6
        assert not await unreachable.sync()
        assert allowed_count(limit, ADDRESS, 6) == 4
