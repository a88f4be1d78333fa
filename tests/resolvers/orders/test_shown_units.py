"""How much of a store's stock carts and orders tell to strangers."""

from collections.abc import Mapping
from typing import Any

import pytest
from sqlalchemy import text

from database.base import uuid7
from database.scope import PLATFORM
from models.identity import Grant, Role
from resolvers.context import Container
from services.carts.basket_problems import SHOWN_UNITS, shown_units
from services.carts.carts import MAX_LINE_QUANTITY
from services.checkout.unpaid_limits import (
    DEFAULT_LIMITS,
    UnpaidOrders,
    UnpaidShares,
    unit_problems,
)
from tests.support.actors import ActorClient, create_client
from tests.support.city import PRODUCTS, City
from tests.support.customers import ORIGIN
from tests.support.graph_queries import public_id

PLACE = """mutation ($input: OrderPlaceInput!) { orderPlace(input: $input) { errors {
  __typename ... on Problem { path } ... on InsufficientStock { available message } } } }"""
SET = """mutation ($input: CartLinesSetInput!) { cartLinesSet(input: $input) {
  cart { readyForCheckout lines { quantity issue orderableQuantity availability } }
  errors { __typename } } }"""
RANGES = list(zip(SHOWN_UNITS[10:], [*SHOWN_UNITS[11:], 400], strict=True))


@pytest.fixture
async def stranger(container: Container, city: City) -> ActorClient:
    return await create_client(container, "Stranger", Grant(Role.CUSTOMER))


async def stock(container: Container, city: City, units: Mapping[int, int]) -> None:
    """Let every store have so many units of the products with these indexes, 0 of the others."""
    statement = text("update stock set on_hand = :units where product_id = :product")
    async with container.database.write(PLATFORM, ORIGIN) as session:
        for index, product in enumerate(city.products):
            keys = {"units": units.get(index, 0), "product": product.id}
            await session.execute(statement, keys)


def lines(city: City, quantities: Mapping[int, int]) -> list[dict[str, Any]]:
    return [
        {"productId": public_id(city.products[index]), "quantity": quantity}
        for index, quantity in quantities.items()
    ]


async def refused(
    who: ActorClient, city: City, quantities: Mapping[int, int], **more: Any
) -> list[dict[str, Any]]:
    """The problems of an order of so many units of the products with these indexes."""
    order = {
        "destination": {"location": city.point},
        "addressLine": "Rua 1",
        "lines": lines(city, quantities),
    }
    answer = await who.run(PLACE, {"input": {**order, **more}})
    problems: list[dict[str, Any]] = answer["orderPlace"]["errors"]
    return problems


async def test_a_large_order_does_not_tell_how_many_units_there_are(
    container: Container, stranger: ActorClient, city: City
) -> None:
    """One request for 99 units of each product told a stranger the exact stock of a whole store."""
    units = {index: 20 + 2 * index for index in range(PRODUCTS)}
    await stock(container, city, units)
    problems = await refused(stranger, city, dict.fromkeys(units, 99))
    assert [problem["available"] for problem in problems] == [20] * PRODUCTS
    assert len({problem["message"] for problem in problems}) == 1


async def test_a_cart_does_not_tell_how_many_units_there_are(
    container: Container, stranger: ActorClient, city: City
) -> None:
    """Seven carts of a guest, each with another quantity, found the exact stock of 20 products.

    In a cart, products with different stock of the same range look alike at every quantity.
    """
    units = {index: 20 + 2 * index for index in range(PRODUCTS)}
    await stock(container, city, units)
    issues = []
    for quantity in (9, 10, 19, 20, 21, 30, 35, 41, 42, 43, 49, 50, 99):
        cart = {"location": city.point, "lines": lines(city, dict.fromkeys(units, quantity))}
        answer = (await stranger.run(SET, {"input": cart}))["cartLinesSet"]
        first, *others = answer["cart"]["lines"]
        assert others == [first] * (PRODUCTS - 1), quantity
        issues.append((quantity, first["issue"], first["orderableQuantity"]))
    short = [(quantity, shown) for quantity, issue, shown in issues if issue]
    assert short == [(50, 20), (99, 20)]
    assert all(shown == quantity for quantity, issue, shown in issues if not issue)


async def test_a_cart_tells_the_last_units(
    container: Container, stranger: ActorClient, city: City
) -> None:
    """Whoever wants ten of a product of which seven are left sees that there are seven."""
    await stock(container, city, {index: index for index in range(PRODUCTS)})
    cart = {"location": city.point, "lines": lines(city, dict.fromkeys(range(10), 10))}
    answer = (await stranger.run(SET, {"input": cart}))["cartLinesSet"]
    shown = [line["orderableQuantity"] for line in answer["cart"]["lines"]]
    assert shown == list(range(10))
    assert not answer["cart"]["readyForCheckout"]


@pytest.mark.parametrize(("lowest", "end"), RANGES)
async def test_a_refused_order_compares_no_line_with_the_exact_stock(
    container: Container, stranger: ActorClient, city: City, lowest: int, end: int
) -> None:
    """An order that is refused for one reason told of every other line whether it was available.

    Nothing was reserved, so a hundred products were compared with a number of choice by each
    request. The answers are the same for the least and the most units of each range.
    """
    answers = []
    for units in (lowest, min(end - 1, 199)):
        await stock(container, city, dict.fromkeys(range(11), units))
        asked = min(lowest + 3, MAX_LINE_QUANTITY)
        quantities = dict.fromkeys(range(11), asked)
        sold_out = await refused(stranger, city, {**quantities, 11: 1})
        other_total = await refused(stranger, city, quantities, expectedTotalMinor=1)
        answers.append((sold_out, other_total))
    assert answers[0] == answers[1]
    sold_out, other_total = answers[0]
    assert [(one["__typename"], one.get("available")) for one in sold_out] == [
        ("InsufficientStock", 0)
    ]
    assert [one["__typename"] for one in other_total] == ["TotalChanged"]


async def test_an_order_that_is_short_alone_names_one_line(
    container: Container, stranger: ActorClient, city: City
) -> None:
    """A customer whose order fails for the stock alone is told by which line, and no more of it."""
    await stock(container, city, {0: 200, 1: 25, 2: 26, 3: 200})
    (problem,) = await refused(stranger, city, {0: 30, 1: 30, 2: 30, 3: 30})
    assert problem["path"] == ["input", "lines", "1"]
    assert problem["available"] == 20


def test_the_share_that_may_wait_for_payment_is_told_of_one_line() -> None:
    """The limit is a share of the stock: an error for each line above it told all of them."""
    store, *products = [uuid7() for _ in range(4)]
    asked = [(index, product, 99) for index, product in enumerate(products)]
    available = dict.fromkeys(products, 150)
    unpaid = UnpaidOrders(UnpaidShares(), {})
    (problem,) = unit_problems(DEFAULT_LIMITS, store, asked, unpaid, available)
    assert problem.path == ["input", "lines", "0"]


def test_every_number_of_units_is_shown_by_its_range() -> None:
    """Up to nine units the number itself, from there on the beginning of the range."""
    assert [shown_units(units) for units in range(-1, 10)] == [0, *range(10)]
    for lowest, end in RANGES:
        assert {shown_units(units) for units in range(lowest, end)} == {lowest}


async def test_an_order_that_can_not_come_in_time_compares_nothing_with_the_stock(
    container: Container, stranger: ActorClient, city: City
) -> None:
    """An order that has to come within a second was refused after its units had been reserved.

    So a stranger found the exact stock of any product, as often as they liked, without an order:
    DeliveryEstimateChanged for as many as there are, InsufficientStock for one more.
    """
    await stock(container, city, {0: 30})
    answers = [
        await refused(stranger, city, {0: quantity}, expectedP90Seconds=1)
        for quantity in (29, 30, 31, 49)
    ]
    assert [[one["__typename"] for one in answer] for answer in answers] == [
        ["DeliveryEstimateChanged"]
    ] * 4
    assert all(answer == answers[0] for answer in answers)
