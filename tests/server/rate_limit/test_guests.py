"""Guests of one network share a budget: signing in again and again gives nobody more."""

from uuid import uuid4

import pytest

from models.identity import Actor
from resolvers.context import Container
from server.rate_limit.budgets import CallerBudgets
from server.rate_limit.callers import GUESTS_FACTOR, CallerBucketSizes
from services.core.address_rate_limit import SITE_FACTOR
from services.core.rate_limiter import CostReservation, RateLimiter
from tests.support.actors import ActorClient, InMemorySms
from tests.support.graph_queries import operation
from tests.workflows.identity.test_sign_in import new_phone, sign_in

SIZES = CallerBucketSizes.of(1_000)
ADDRESS = "203.0.113.80"


def guests(count: int) -> list[Actor]:
    return [Actor(uuid4(), uuid4(), is_guest=True) for _ in range(count)]


def spend_all(budgets: CallerBudgets, actors: list[Actor], address: str) -> int:
    """What these callers can spend together at one moment, a thousand units at a time."""
    spent = 0
    for actor in actors:
        while isinstance(budgets.reserve(actor, address, 1_000), CostReservation):
            spent += 1_000
    return spent


@pytest.mark.parametrize(
    ("address", "neighbor", "elsewhere"),
    [
        (ADDRESS, ADDRESS, "203.0.113.81"),
        ("2001:db8:7:1::1", "2001:db8:7:1:ffff::2", "2001:db8:7:2::1"),
    ],
)
def test_a_flood_of_guests_does_not_multiply_the_budget_of_an_address(
    address: str, neighbor: str, elsewhere: str
) -> None:
    """Each guest had the budget of a person: sixty an hour, for as long as they were refreshed."""
    budgets = CallerBudgets(RateLimiter(lambda: 0.0), SIZES)
    assert spend_all(budgets, guests(100), address) == GUESTS_FACTOR * SIZES.person.capacity
    assert spend_all(budgets, guests(1), neighbor) == 0
    assert spend_all(budgets, guests(1), elsewhere) == SIZES.person.capacity
    assert spend_all(budgets, [Actor(uuid4(), uuid4())], neighbor) == SIZES.person.capacity


def test_the_networks_of_a_site_have_four_times_as_much() -> None:
    """A customer of a provider has 65,536 networks of the size of a /64."""
    budgets = CallerBudgets(RateLimiter(lambda: 0.0), SIZES)
    spent = sum(spend_all(budgets, guests(25), f"2001:db8:8:{number:x}::1") for number in range(10))
    assert spent == SITE_FACTOR * GUESTS_FACTOR * SIZES.person.capacity


def test_many_guests_behind_one_address_of_a_carrier_go_on() -> None:
    """Four hundred who look around at 50 units a second, for ten minutes."""
    now = 0.0
    budgets = CallerBudgets(RateLimiter(lambda: now), SIZES)
    crowd = guests(400)
    for second in range(0, 600, 10):
        now = float(second)
        for guest in crowd:
            assert isinstance(budgets.reserve(guest, ADDRESS, 500), CostReservation)


async def test_a_token_says_for_its_session_whether_it_is_of_a_guest(
    container: Container, nobody: ActorClient, sms: InMemorySms
) -> None:
    """By every way to a token: the sign-in, the refresh and its repetition by an equal key."""
    verify = container.authenticator.verify
    started = (await nobody.run(operation("guest_sign_in")))["guestSignIn"]
    tokens = [started]
    values = {"input": {"refreshToken": started["refreshToken"]}}
    device = {"device_token": started["deviceToken"], "idempotency_key": str(uuid4())}
    for _ in range(2):
        refreshed = await nobody.run(operation("session_refresh"), values, **device)
        tokens.append(refreshed["sessionRefresh"])
    actors = [verify(one["accessToken"]).actor for one in tokens]
    assert [actor.is_guest for actor in actors] == [True] * 3
    signed_in = await sign_in(ActorClient(container, actors[-1]), sms, new_phone())
    assert not verify(signed_in["accessToken"]).actor.is_guest
