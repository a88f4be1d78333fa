"""Orders through the graph: what clients send, and what each person sees of an order."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from database.base import uuid7
from database.scope import PLATFORM
from database.sessions import Database, Origin
from models.catalog import Product
from models.core import IdempotencyKey
from models.identity import Actor, Grant, Role
from models.ids import encode
from models.orders import Order
from services.core.idempotency import KeyReused
from tests.support.city import City
from tests.support.customers import people
from tests.support.graph_queries import Asking, Told, id_of, operation, statements
from tests.support.payments import Shop, open_shop
from tests.support.stripe_simulator import Desk, opened

DETAIL_STATEMENTS = 26


@dataclass
class Counter:
    """Where tests order: the shop behind the graph, and the way into it."""

    shop: Shop
    ask: Asking
    city: City
    buyer: Actor

    async def place(self, actor: Actor | None = None, **more: Any) -> Told:
        lines = [{"productId": id_of(self.city.products[11]), "quantity": 1}]
        given = {"at": self.city.point, "lines": lines, "addressLine": "Rua 1", **more}
        key = given.pop("key", None)
        variables = {"input": {name: value for name, value in given.items() if value is not None}}
        who = actor or self.buyer
        return await self.ask(operation("order_place"), variables, who, idempotency_key=key)

    async def placed(self, **more: Any) -> dict[str, Any]:
        told = await self.place(**more)
        assert not told.errors
        payload: dict[str, Any] = told.data["orderPlace"]
        assert payload["errors"] == []
        return payload

    async def pay(self, payload: dict[str, Any], card: str = "pm_card_visa") -> dict[str, Any]:
        secret = payload["payment"]["clientSecret"]
        intent = secret.partition("_secret")[0]
        form = {"key": "pk_test_desk", "client_secret": secret, "payment_method": card}
        await self.shop.desk.customer.post(f"/v1/payment_intents/{intent}/confirm", data=form)
        refresh = {"input": {"orderId": payload["order"]["id"]}}
        told = await self.ask(operation("order_payment_refresh"), refresh, self.buyer)
        assert not told.errors
        found: dict[str, Any] = told.data["paymentRefresh"]["order"]
        return found

    async def orders(self) -> int:
        async with self.shop.database.read(PLATFORM) as session:
            mine = select(func.count()).where(Order.company_id == self.city.company.id)
            return await session.scalar(mine) or 0


@pytest.fixture(scope="module")
async def opened_desk() -> AsyncIterator[Desk]:
    async with opened() as one:
        yield one


@pytest.fixture
async def counter(
    database: Database, opened_desk: Desk, city: City, buyer: Actor
) -> AsyncIterator[Counter]:
    await opened_desk.start_over()
    async with open_shop(database, opened_desk) as shop:
        ask = Asking(database, combiner=shop.combiner, payments=shop.payments)
        yield Counter(shop, ask, city, buyer)


async def test_a_customer_orders_pays_and_watches(counter: Counter) -> None:
    payload = await counter.placed(tipMinor=150)
    order = payload["order"]
    assert (order["status"], order["stage"]) == ("PLACED", "AWAITING_PAYMENT")
    assert order["availableActions"] == ["PAY", "CANCEL"]
    paid = await counter.pay(payload)
    assert (paid["status"], paid["payment"]["status"]) == ("CONFIRMED", "AUTHORIZED")
    with statements(counter.shop.database) as sent:
        told = await counter.ask(operation("order_detail"), {"id": order["id"]}, counter.buyer)
    assert not told.errors
    found = told.data["order"]
    assert len(found["deliveryPin"]) == 4
    assert found["availableActions"] == ["CANCEL", "OPEN_TICKET"]
    assert found["fulfillment"]["status"] == "QUEUED"
    sums = ("items", "deliveryFee", "smallOrderFee", "tip")
    assert found["total"]["minor"] == sum(found[name]["minor"] for name in sums)
    kinds = [event["type"] for event in found["timeline"]["nodes"]]
    assert kinds == ["ORDER_PLACED", "PAYMENT_AUTHORIZED", "ORDER_CONFIRMED", "FULFILLMENT_QUEUED"]
    assert len(sent) <= DETAIL_STATEMENTS, sent


async def test_a_payment_is_asked_about_once_a_second_whoever_asks(
    counter: Counter, database: Database
) -> None:
    first, second = await counter.placed(), await counter.placed()

    async def asked(payload: dict[str, Any]) -> list[Any]:
        given = {"input": {"orderId": payload["order"]["id"]}}
        told = await counter.ask(operation("order_payment_refresh"), given, counter.buyer)
        assert not told.errors
        errors: list[Any] = told.data["paymentRefresh"]["errors"]
        return [(one["__typename"], one["retryAfterSeconds"]) for one in errors]

    answers = await asyncio.gather(*(asked(first) for _ in range(4)), asked(second))
    assert sorted(answers[:4]) == [[], *[[("RateLimited", 1)]] * 3]
    assert answers[4] == []
    async with database.write(PLATFORM, Origin("test:refresh")) as session:
        claims = update(IdempotencyKey).where(IdempotencyKey.owner == "payment.refresh")
        ago = IdempotencyKey.created_at - timedelta(seconds=1)
        await session.execute(claims.values(created_at=ago))
    assert await asked(first) == []


async def test_history_costs_the_same_for_one_order_and_for_ten(counter: Counter) -> None:
    used, pages = [], []
    for count in (1, 9):
        for _ in range(count):
            await counter.placed()
        with statements(counter.shop.database) as sent:
            told = await counter.ask(operation("order_history"), {"first": 20}, counter.buyer)
        assert not told.errors
        used.append(len(sent))
        pages.append(told.data["viewer"]["customer"]["orders"]["nodes"])
    nodes = pages[-1]
    assert len(nodes) == 10
    assert [node["placedAt"] for node in nodes] == sorted(
        (node["placedAt"] for node in nodes), reverse=True
    )
    assert used[0] == used[1]


async def test_an_order_is_read_with_what_is_selected_of_it(counter: Counter) -> None:
    document = """query ($id: ID!) { order(id: $id) { id stage lines { name } payment { status }
      availableActions fulfillment { status } delivery { riderPosition { seenAt } } } }"""
    order_id = (await counter.placed())["order"]["id"]
    with statements(counter.shop.database) as sent:
        told = await counter.ask(document, {"id": order_id}, counter.buyer)
    assert not told.errors
    assert len(told.data["order"]["lines"]) == 1
    assert len(sent) == 1


async def test_orders_side_by_side_are_told_each_its_own_past(counter: Counter) -> None:
    timeline = "timeline(first: $first, after: $after) { nodes { cursor type at } }"
    alone = f"query ($id: ID!, $first: Int!, $after: String) {{ order(id: $id) {{ {timeline} }} }}"
    payloads = [await counter.placed() for _ in range(3)]
    await counter.pay(payloads[1])
    told = []
    for payload in payloads:
        one = await counter.ask(alone, {"id": payload["order"]["id"], "first": 9}, counter.buyer)
        told.append(one.data["order"])
    together = f"""query ($first: Int!, $after: String) {{ viewer {{ customer {{
      orders(first: 3) {{ nodes {{ {timeline} }} }} }} }} }}"""
    with statements(counter.shop.database) as sent:
        found = await counter.ask(together, {"first": 9}, counter.buyer)
    assert found.data["viewer"]["customer"]["orders"]["nodes"] == told[::-1]
    assert sum("event" in one for one in sent) == 1
    nodes = told[1]["timeline"]["nodes"]
    assert [len(one["timeline"]["nodes"]) for one in told] == [1, len(nodes), 1]
    paid = {"id": payloads[1]["order"]["id"], "first": 1, "after": nodes[0]["cursor"]}
    next_one = await counter.ask(alone, paid, counter.buyer)
    assert next_one.data["order"]["timeline"]["nodes"] == nodes[1:2]


async def test_nobody_else_sees_an_order_its_pin_or_its_secret(
    counter: Counter, staff: Actor, stranger: Actor
) -> None:
    order_id = (await counter.placed())["order"]["id"]
    another = (await people(counter.shop.database))[0]
    for actor in (another, stranger):
        told = await counter.ask(operation("order_detail"), {"id": order_id}, actor)
        assert told.data["order"] is None
        assert told.codes == ["NOT_FOUND"]
    buying_staff = Actor(person_id=staff.person_id, grants=(*staff.grants, Grant(Role.CUSTOMER)))
    secrets = "query($id: ID!) { order(id: $id) { deliveryPin payment { clientSecret } } }"
    told = await counter.ask(secrets, {"id": order_id}, buying_staff)
    assert not told.errors
    assert told.data["order"] == {"deliveryPin": None, "payment": {"clientSecret": None}}


async def test_equal_requests_get_equal_answers(counter: Counter) -> None:
    key = uuid7().hex
    answers = await asyncio.gather(*(counter.place(key=key) for _ in range(50)))
    assert all(not told.errors for told in answers)
    payloads = [told.data["orderPlace"] for told in answers]
    assert all(payload == payloads[0] for payload in payloads)
    assert payloads[0]["payment"]["clientSecret"]
    assert await counter.orders() == 1
    assert sum("replayed" in told.extensions for told in answers) == 49
    try:
        other = await counter.place(key=key, tipMinor=5)
        assert other.errors
    except KeyReused:
        pass
    assert await counter.orders() == 1


async def test_bad_input_is_answered_clearly_and_writes_nothing(counter: Counter) -> None:
    known = id_of(counter.city.products[11])
    one = {"productId": known, "quantity": 1}
    nobody = encode(Product, uuid7())
    cases: list[tuple[dict[str, Any], str]] = [
        ({"lines": [{"productId": nobody, "quantity": 1}] * 1000}, "InvalidInput"),
        ({"lines": [{"productId": known, "quantity": -1}]}, "InvalidInput"),
        ({"lines": [one, one]}, "InvalidInput"),
        ({"lines": [{"productId": "prd_nonsense", "quantity": 1}]}, "NotFound"),
        ({"lines": [{"productId": nobody, "quantity": 1}]}, "ProductUnavailable"),
        ({"lines": []}, "EmptyCart"),
        ({"lines": None}, "EmptyCart"),
        ({"at": {"latitude": 91, "longitude": 0}}, "InvalidInput"),
        ({"at": {"latitude": 0, "longitude": -30}}, "NotServiceable"),
        ({"at": None}, "InvalidInput"),
        ({"addressId": encode(Product, uuid7())}, "NotFound"),
        ({"tipMinor": -1}, "InvalidInput"),
        ({"expectedTotalMinor": 1}, "PriceChanged"),
        ({"addressLine": "x" * 5000}, "InvalidInput"),
    ]
    for given, kind in cases:
        told = await counter.place(**given)
        assert not told.errors, (given, told.errors)
        payload = told.data["orderPlace"]
        assert payload["order"] is None
        assert {error["__typename"] for error in payload["errors"]} == {kind}, given
    assert await counter.orders() == 0


async def test_orders_of_others_can_neither_be_canceled_nor_refunded(counter: Counter) -> None:
    order_id = (await counter.placed())["order"]["id"]
    another = (await people(counter.shop.database))[0]
    cancel = {"input": {"orderId": order_id, "reason": "CHANGED_MIND"}}
    told = await counter.ask(operation("order_cancel"), cancel, another)
    assert [e["__typename"] for e in told.data["orderCancel"]["errors"]] == ["NotFound"]
    refresh = {"input": {"orderId": order_id}}
    told = await counter.ask(operation("order_payment_refresh"), refresh, another)
    assert [e["__typename"] for e in told.data["paymentRefresh"]["errors"]] == ["NotFound"]
    refund = {"input": {"orderId": order_id, "amountMinor": 1, "reason": "LATE"}}
    assert (await counter.ask(operation("order_refund"), refund, another)).codes == ["FORBIDDEN"]
    told = await counter.ask(operation("order_cancel"), cancel, counter.buyer)
    assert told.data["orderCancel"]["order"]["stage"] == "CANCELED"
    told = await counter.ask(operation("order_cancel"), cancel, counter.buyer)
    (error,) = told.data["orderCancel"]["errors"]
    assert (error["__typename"], error["legal"]) == ("IllegalStep", ["OPEN_TICKET"])


async def test_support_refunds_what_was_captured_and_no_more(counter: Counter) -> None:
    payload = await counter.placed()
    await counter.pay(payload)
    grant = Grant(Role.SUPPORT_AGENT, company_id=counter.city.company.id)
    agent = (await people(counter.shop.database, 1, grant))[0]
    give = {"orderId": payload["order"]["id"], "amountMinor": 10**9, "reason": "LATE"}
    told = await counter.ask(operation("order_refund"), {"input": give}, agent)
    (error,) = told.data["refundIssue"]["errors"]
    assert error["__typename"] == "IllegalStep"
    assert "CANCEL" in error["legal"]
