"""Buckets in memory, and the ledger that several processes share."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from models.identity import Actor, Grant, Role
from server.rate_limit import Allowances, Held, Ledger, Short, Size, Sizes
from server.rate_limit.shared_ledger import PREFIX

SIZE = Size(maximum=100, per_second=10)
FAR = "203.0.113.9"


@dataclass
class Clock:
    """A clock that goes when it is told to."""

    at: float = 1_000.0

    def __call__(self) -> float:
        return self.at


def taken(allowances: Allowances, cost: int, name: str = "a") -> bool:
    return isinstance(allowances.hold([(name, SIZE)], cost), Held)


def test_a_bucket_pays_until_it_is_empty_and_says_when_to_come_back() -> None:
    clock = Clock()
    allowances = Allowances(clock)
    assert taken(allowances, 60)
    short = allowances.hold([("a", SIZE)], 60)
    assert short == Short(cost=60, available=40, retry_after_seconds=2)
    clock.at += 1.9
    assert not taken(allowances, 60)
    clock.at += 0.2
    assert taken(allowances, 60)


def test_what_was_held_too_much_is_given_back_and_too_little_taken() -> None:
    allowances = Allowances(Clock())
    held = allowances.hold([("a", SIZE)], 90)
    assert isinstance(held, Held)
    assert allowances.tightest(held) == (SIZE, 10)
    allowances.settle(held, 30)
    assert allowances.tightest(held) == (SIZE, 70)
    more = allowances.hold([("a", SIZE)], 70)
    assert isinstance(more, Held)
    allowances.settle(more, 120)
    short = allowances.hold([("a", SIZE)], 1)
    assert short == Short(cost=1, available=0, retry_after_seconds=6)


def test_a_bucket_never_holds_more_than_its_size_nor_owes_more() -> None:
    clock = Clock()
    allowances = Allowances(clock)
    held = allowances.hold([("a", SIZE)], 50)
    assert isinstance(held, Held)
    allowances.settle(held, -10_000)
    assert allowances.tightest(held) == (SIZE, 100)
    allowances.settle(held, 10_000)
    clock.at += 20
    assert taken(allowances, 100)


def test_a_cost_larger_than_the_bucket_is_paid_by_a_full_one() -> None:
    clock = Clock()
    allowances = Allowances(clock)
    assert taken(allowances, 150)
    clock.at += 14
    assert not taken(allowances, 100)
    clock.at += 1
    assert taken(allowances, 100)


def test_a_cost_is_taken_from_all_buckets_or_from_none() -> None:
    allowances = Allowances(Clock())
    assert taken(allowances, 80, "company")
    assert isinstance(allowances.hold([("me", SIZE), ("company", SIZE)], 50), Short)
    held = allowances.hold([("me", SIZE)], 100)
    assert isinstance(held, Held)


def test_the_memory_of_buckets_is_bounded() -> None:
    allowances = Allowances(Clock(), buckets_count=10)
    for number in range(100):
        taken(allowances, 1, str(number))
    assert len(allowances) == 10
    assert allowances.spent(1_000) == []


def test_the_person_pays_with_their_company_and_a_stranger_with_their_address() -> None:
    sizes = Sizes.of(1_000)
    company, store, person = uuid4(), uuid4(), uuid4()
    picker = Actor(person, uuid4(), (Grant(Role.STORE_STAFF, company, store),))
    customer = Actor(person, uuid4(), (Grant(Role.CUSTOMER),))
    assert [name for name, _ in sizes.wanted(picker, FAR)] == [
        f"person:{person}",
        f"company:{company}",
    ]
    assert sizes.wanted(customer, FAR) == [(f"person:{person}", sizes.person)]
    assert sizes.wanted(Actor(), FAR) == [(f"address:{FAR}", sizes.address)]
    assert sizes.wanted(Actor(), "127.0.0.1") == []


@asynccontextmanager
async def kept(url: str, allowances: Allowances) -> AsyncIterator[Ledger]:
    """A ledger that tells only when it is asked to."""
    ledger = Ledger(allowances, url)
    allowances.told = True
    try:
        yield ledger
    finally:
        await ledger.close()


async def test_two_processes_hear_of_each_other(redis_url: str) -> None:
    clock, name = Clock(), str(uuid4())
    one, two = Allowances(clock), Allowances(clock)
    async with kept(redis_url, one) as first, kept(redis_url, two) as second:
        assert taken(one, 60, name)
        assert taken(two, 30, name)
        assert await first.tell()
        assert await second.tell()
        short = two.hold([(name, SIZE)], 20)
        assert isinstance(short, Short)
        assert short.available in (10, 11)
        assert taken(one, 30, name)  # has not heard of the other yet
        assert await first.tell()
        assert not taken(one, 1, name)  # and from here on it owes what was too much


async def test_a_full_bucket_leaves_nothing_behind(redis_url: str) -> None:
    allowances, name = Allowances(Clock()), str(uuid4())
    async with kept(redis_url, allowances) as ledger, Redis.from_url(redis_url) as redis:
        assert taken(allowances, 50, name)
        assert await ledger.tell()
        left = await redis.pttl(f"{PREFIX}{name}")
        assert 4_000 < left <= 6_100


async def test_without_redis_a_process_decides_alone_and_is_not_fined_for_it(
    redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    clock, name = Clock(), str(uuid4())
    allowances = Allowances(clock)
    async with kept("redis://127.0.0.1:9/0", allowances) as nowhere:
        for _ in range(20):
            assert taken(allowances, 100, name)
            assert not await nowhere.tell()
            clock.at += 10
    assert caplog.text.count("kept alone") == 1
    assert taken(allowances, 70, name)
    async with kept(redis_url, allowances) as ledger:
        assert taken(allowances, 0, name)
        assert await ledger.tell()
        short = allowances.hold([(name, SIZE)], 50)
        assert isinstance(short, Short)
        assert short.available == 30
