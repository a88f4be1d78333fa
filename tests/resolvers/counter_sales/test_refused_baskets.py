"""Baskets that the counter refuses: what is wrong, and where it stands."""

from typing import Any

from database.sessions import Database
from models.identity import Actor
from tests.resolvers.counter_sales.test_counter_sales import (
    BEANS,
    MILK,
    SELL,
    UNKNOWN,
    basket,
    expect_errors,
    sell,
)
from tests.support.city import City
from tests.support.graph_queries import GraphRunner, public_id
from tests.support.store_staff import on_hand

Refused = list[tuple[dict[str, Any], list[tuple[str, str]]]]


def refused_baskets(city: City) -> Refused:
    """Baskets with the errors that each gets."""
    milk, card, no_cash = MILK, {"tenderType": "CARD"}, {"cashReceivedMinor": None}
    foreign = {"product": {"productId": public_id(city.second.products[0])}}
    return [
        *((basket(city, *[milk] * many), [("InvalidInput", "lines")]) for many in (0, 101)),
        (
            basket(city, milk, {"product": {"scannedCode": "nope"}}),
            [(UNKNOWN, "lines.1.product.scannedCode")],
        ),
        (
            basket(city, {"product": {"scannedCode": "a\x07b"}}),
            [(UNKNOWN, "lines.0.product.scannedCode")],
        ),
        (
            basket(city, foreign, {"product": {"scannedCode": "?"}}),
            [(UNKNOWN, "lines.0.product.productId"), (UNKNOWN, "lines.1.product.scannedCode")],
        ),
        (
            basket(city, {"product": {"productId": "x"}}),
            [("NotFound", "lines.0.product.productId")],
        ),
        *(
            (basket(city, {**milk, "quantity": wrong}), [("InvalidInput", "lines.0.quantity")])
            for wrong in (0, -3, 1000)
        ),
        (
            basket(city, BEANS, {**milk, "quantity": 40}, {**milk, "quantity": 11}),
            [("InsufficientStock", "lines.1.quantity")],
        ),
        (basket(city, milk, cashReceivedMinor=198), [("InvalidInput", "cashReceivedMinor")]),
        (basket(city, milk, **no_cash), [("InvalidInput", "cashReceivedMinor")]),
        (basket(city, milk, terminalReference="x"), [("InvalidInput", "terminalReference")]),
        (basket(city, milk, **card), [("InvalidInput", "cashReceivedMinor")]),
        (basket(city, milk, **card, **no_cash), [("InvalidInput", "terminalReference")]),
    ]


async def test_invalid_lines_and_payments_are_refused_with_their_paths(
    ask: GraphRunner, city: City, staff: Actor, database: Database
) -> None:
    for variables, expected in refused_baskets(city):
        assert await expect_errors(ask, staff, variables) == expected, variables
    assert (await ask(SELL, basket(city, {**MILK, "quantity": 1.5}), staff)).errors
    assert await on_hand(database, city.near, city, 0) == 50
    assert (await sell(ask, staff, basket(city, MILK)))["posSale"]["receiptNumber"] == 1
