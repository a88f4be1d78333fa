"""Orders through the API: what clients send, and what each person sees of an order."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from database.audit import AuditContext
from database.base import uuid7
from database.scope import PLATFORM
from database.sessions import Database
from models.catalog import Product
from models.core import IdempotencyKey
from models.identity import Actor, Grant, Role
from models.ids import encode_id
from models.orders import Order
from services.core.idempotency import KeyReused
from tests.support.city import City
from tests.support.customers import create_people
from tests.support.graph_queries import (
    GraphAnswer,
    GraphRunner,
    operation,
    public_id,
    record_statements,
)
from tests.support.payments import Shop, open_shop
from tests.support.stripe_simulator import StripeSandbox, open_sandbox

DETAIL_STATEMENTS = 26
ADDRESS = {"addressLine": "Rua 1"}


@dataclass
class OrderClient:
    """Sends the operations of customers to a shop and returns their responses."""

    shop: Shop
    ask: GraphRunner
    city: City
    buyer: Actor

    async def place(self, actor: Actor | None = None, **overrides: Any) -> GraphAnswer:
        lines = [{"productId": public_id(self.city.products[11]), "quantity": 1}]
        destination = {"location": self.city.point}
        arguments = {"destination": destination, "lines": lines, **ADDRESS, **overrides}
        key = arguments.pop("key", None)
        variables = {"input": {n: value for n, value in arguments.items() if value is not None}}
        sender = actor or self.buyer
        return await self.ask(operation("order_place"), variables, sender, idempotency_key=key)

    async def place_successfully(self, **overrides: Any) -> dict[str, Any]:
        response = await self.place(**overrides)
        assert not response.errors
        payload: dict[str, Any] = response.data["orderPlace"]
        assert payload["errors"] == []
        return payload

    async def pay(self, payload: dict[str, Any], card: str = "pm_card_visa") -> dict[str, Any]:
        secret = payload["payment"]["clientSecret"]
        intent = secret.partition("_secret")[0]
        form = {"key": "pk_test_desk", "client_secret": secret, "payment_method": card}
        await self.shop.sandbox.customer.post(f"/v1/payment_intents/{intent}/confirm", data=form)
        refresh = {"input": {"orderId": payload["order"]["id"]}}
        response = await self.ask(operation("order_payment_refresh"), refresh, self.buyer)
        assert not response.errors
        order: dict[str, Any] = response.data["orderPaymentRefresh"]["order"]
        return order

    async def orders(self) -> int:
        async with self.shop.database.read(PLATFORM) as session:
            statement = select(func.count()).where(Order.company_id == self.city.company.id)
            return await session.scalar(statement) or 0


@pytest.fixture(scope="module")
async def sandbox() -> AsyncIterator[StripeSandbox]:
    async with open_sandbox() as running:
        yield running


@pytest.fixture
async def client(
    database: Database, sandbox: StripeSandbox, city: City, buyer: Actor
) -> AsyncIterator[OrderClient]:
    await sandbox.reset()
    async with open_shop(database, sandbox) as shop:
        ask = GraphRunner(
            database, reservation_queue=shop.reservation_queue, payments=shop.payments
        )
        yield OrderClient(shop, ask, city, buyer)


async def test_a_customer_places_pays_and_reads_an_order(client: OrderClient) -> None:
    payload = await client.place_successfully(tipMinor=150)
    order = payload["order"]
    assert (order["status"], order["stage"]) == ("PLACED", "AWAITING_PAYMENT")
    assert order["availableActions"] == ["PAY", "CANCEL"]
    paid = await client.pay(payload)
    assert (paid["status"], paid["payment"]["status"]) == ("CONFIRMED", "AUTHORIZED")
    with record_statements(client.shop.database) as statements:
        response = await client.ask(operation("order_detail"), {"id": order["id"]}, client.buyer)
    assert not response.errors
    detail = response.data["order"]
    assert len(detail["deliveryPin"]) == 4
    assert detail["availableActions"] == ["CANCEL", "CHANGE", "OPEN_TICKET"]
    assert detail["fulfillment"]["status"] == "QUEUED"
    sums = ("subtotal", "deliveryFee", "smallOrderFee", "tip")
    assert detail["total"]["minorUnits"] == sum(detail[name]["minorUnits"] for name in sums)
    types = [event["type"] for event in detail["timeline"]["nodes"]]
    assert types == ["ORDER_PLACED", "PAYMENT_AUTHORIZED", "ORDER_CONFIRMED", "FULFILLMENT_QUEUED"]
    assert len(statements) <= DETAIL_STATEMENTS, statements


async def test_a_payment_is_refreshed_at_most_once_a_second(
    client: OrderClient, database: Database
) -> None:
    first, second = await client.place_successfully(), await client.place_successfully()

    async def refresh(payload: dict[str, Any]) -> list[Any]:
        arguments = {"input": {"orderId": payload["order"]["id"]}}
        response = await client.ask(operation("order_payment_refresh"), arguments, client.buyer)
        assert not response.errors
        errors: list[Any] = response.data["orderPaymentRefresh"]["errors"]
        return [(error["__typename"], error["retryAfterSeconds"]) for error in errors]

    responses = await asyncio.gather(*(refresh(first) for _ in range(4)), refresh(second))
    assert sorted(responses[:4]) == [[], *[[("RateLimited", 1)]] * 3]
    assert responses[4] == []
    async with database.write(PLATFORM, AuditContext("test:refresh")) as session:
        claims = update(IdempotencyKey).where(IdempotencyKey.owner == "payment.refresh")
        ago = IdempotencyKey.created_at - timedelta(seconds=1)
        await session.execute(claims.values(created_at=ago))
    assert await refresh(first) == []


async def test_history_costs_the_same_for_one_order_and_for_ten(client: OrderClient) -> None:
    counts, pages = [], []
    for count in (1, 9):
        for _ in range(count):
            await client.place_successfully()
        with record_statements(client.shop.database) as statements:
            response = await client.ask(operation("order_history"), {"first": 20}, client.buyer)
        assert not response.errors
        counts.append(len(statements))
        pages.append(response.data["viewer"]["customer"]["orders"]["nodes"])
    nodes = pages[-1]
    assert len(nodes) == 10
    assert [node["placedAt"] for node in nodes] == sorted(
        (node["placedAt"] for node in nodes), reverse=True
    )
    assert counts[0] == counts[1]


async def test_an_order_with_its_selected_parts_is_read_by_one_statement(
    client: OrderClient,
) -> None:
    document = """query ($id: ID!) { order(id: $id) { id stage lines { name } payment { status }
      availableActions fulfillment { status } delivery { riderLocation { recordedAt } } } }"""
    order_id = (await client.place_successfully())["order"]["id"]
    with record_statements(client.shop.database) as statements:
        response = await client.ask(document, {"id": order_id}, client.buyer)
    assert not response.errors
    assert len(response.data["order"]["lines"]) == 1
    assert len(statements) == 1


async def test_a_page_of_orders_reads_no_more_columns_than_it_shows(client: OrderClient) -> None:
    """A list shows code and total: the rest stays unread, unless a field checks who may see it."""
    for rows, reads_all in (("nodes { code }", False), ("edges { node { addressLine } }", True)):
        document = f"{{ viewer {{ customer {{ orders(first: 5) {{ {rows} }} }} }} }}"
        with record_statements(client.shop.database) as statements:
            response = await client.ask(document, {}, client.buyer)
        assert not response.errors
        (orders,) = [text for text in statements if 'FROM "order" ' in text]
        assert ('"order".tax_minor' in orders) is reads_all


async def test_a_list_of_orders_reads_each_timeline_in_one_statement(client: OrderClient) -> None:
    timeline = "timeline(first: $first, after: $after) { nodes { cursor type occurredAt } }"
    single_query = (
        f"query ($id: ID!, $first: Int!, $after: String) {{ order(id: $id) {{ {timeline} }} }}"
    )
    payloads = [await client.place_successfully() for _ in range(3)]
    await client.pay(payloads[1])
    orders = []
    for payload in payloads:
        response = await client.ask(
            single_query, {"id": payload["order"]["id"], "first": 9}, client.buyer
        )
        orders.append(response.data["order"])
    list_query = f"""query ($first: Int!, $after: String) {{ viewer {{ customer {{
      orders(first: 3) {{ nodes {{ {timeline} }} }} }} }} }}"""
    with record_statements(client.shop.database) as statements:
        page = await client.ask(list_query, {"first": 9}, client.buyer)
    assert page.data["viewer"]["customer"]["orders"]["nodes"] == orders[::-1]
    assert sum("event" in statement for statement in statements) == 1
    nodes = orders[1]["timeline"]["nodes"]
    assert [len(order["timeline"]["nodes"]) for order in orders] == [1, len(nodes), 1]
    paid = {"id": payloads[1]["order"]["id"], "first": 1, "after": nodes[0]["cursor"]}
    next_page = await client.ask(single_query, paid, client.buyer)
    assert next_page.data["order"]["timeline"]["nodes"] == nodes[1:2]


async def test_other_people_see_no_order_no_pin_and_no_secret(
    client: OrderClient, staff: Actor, stranger: Actor
) -> None:
    order_id = (await client.place_successfully())["order"]["id"]
    other_person = (await create_people(client.shop.database))[0]
    for actor in (other_person, stranger):
        response = await client.ask(operation("order_detail"), {"id": order_id}, actor)
        assert response.data["order"] is None
        assert response.codes == ["NOT_FOUND"]
    buying_staff = Actor(person_id=staff.person_id, grants=(*staff.grants, Grant(Role.CUSTOMER)))
    secrets = "query($id: ID!) { order(id: $id) { deliveryPin payment { clientSecret } } }"
    response = await client.ask(secrets, {"id": order_id}, buying_staff)
    assert not response.errors
    assert response.data["order"] == {"deliveryPin": None, "payment": {"clientSecret": None}}


async def test_equal_requests_get_equal_answers(client: OrderClient) -> None:
    key = uuid7().hex
    responses = await asyncio.gather(*(client.place(key=key) for _ in range(50)))
    assert all(not response.errors for response in responses)
    payloads = [response.data["orderPlace"] for response in responses]
    assert all(payload == payloads[0] for payload in payloads)
    assert payloads[0]["payment"]["clientSecret"]
    assert await client.orders() == 1
    assert sum("replayed" in response.extensions for response in responses) == 49
    try:
        conflicting = await client.place(key=key, tipMinor=5)
        assert conflicting.errors
    except KeyReused:
        pass
    assert await client.orders() == 1


async def test_invalid_input_is_refused_and_writes_nothing(client: OrderClient) -> None:
    known = public_id(client.city.products[11])
    line = {"productId": known, "quantity": 1}
    unknown_product = encode_id(Product, uuid7())
    cases: list[tuple[dict[str, Any], str]] = [
        ({"lines": [{"productId": unknown_product, "quantity": 1}] * 1000}, "InvalidInput"),
        ({"lines": [{"productId": known, "quantity": -1}]}, "InvalidInput"),
        ({"lines": [line, line]}, "InvalidInput"),
        ({"lines": [{"productId": "prd_nonsense", "quantity": 1}]}, "NotFound"),
        ({"lines": [{"productId": unknown_product, "quantity": 1}]}, "ProductUnavailable"),
        ({"lines": []}, "EmptyCart"),
        ({"lines": None}, "EmptyCart"),
        ({"destination": {"location": {"latitude": 91, "longitude": 0}}}, "InvalidInput"),
        ({"destination": {"location": {"latitude": 0, "longitude": -30}}}, "NotServiceable"),
        ({"destination": {"addressId": encode_id(Product, uuid7())}}, "NotFound"),
        ({"tipMinor": -1}, "InvalidInput"),
        ({"expectedTotalMinor": 1}, "TotalChanged"),
        ({"addressLine": "x" * 5000}, "InvalidInput"),
    ]
    for arguments, type_ in cases:
        response = await client.place(**arguments)
        assert not response.errors, (arguments, response.errors)
        payload = response.data["orderPlace"]
        assert payload["order"] is None
        assert {error["__typename"] for error in payload["errors"]} == {type_}, arguments
    assert await client.orders() == 0


async def test_other_people_can_neither_cancel_nor_refund_an_order(client: OrderClient) -> None:
    order_id = (await client.place_successfully())["order"]["id"]
    other_person = (await create_people(client.shop.database))[0]
    cancel = {"input": {"orderId": order_id, "reason": "CHANGED_MIND"}}
    response = await client.ask(operation("order_cancel"), cancel, other_person)
    assert [e["__typename"] for e in response.data["orderCancel"]["errors"]] == ["NotFound"]
    refresh = {"input": {"orderId": order_id}}
    response = await client.ask(operation("order_payment_refresh"), refresh, other_person)
    assert [e["__typename"] for e in response.data["orderPaymentRefresh"]["errors"]] == ["NotFound"]
    refund = {"input": {"orderId": order_id, "amountMinor": 1, "reason": "LATE"}}
    assert (await client.ask(operation("order_refund"), refund, other_person)).codes == [
        "FORBIDDEN"
    ]
    response = await client.ask(operation("order_cancel"), cancel, client.buyer)
    assert response.data["orderCancel"]["order"]["stage"] == "CANCELED"
    response = await client.ask(operation("order_cancel"), cancel, client.buyer)
    (error,) = response.data["orderCancel"]["errors"]
    assert (error["__typename"], error["allowedActions"]) == ("InvalidTransition", ["OPEN_TICKET"])


async def test_support_can_not_refund_more_than_was_captured(client: OrderClient) -> None:
    payload = await client.place_successfully()
    await client.pay(payload)
    grant = Grant(Role.SUPPORT_AGENT, company_id=client.city.company.id)
    agent = (await create_people(client.shop.database, 1, grant))[0]
    input_ = {"orderId": payload["order"]["id"], "amountMinor": 10**9, "reason": "LATE"}
    response = await client.ask(operation("order_refund"), {"input": input_}, agent)
    (error,) = response.data["refundIssue"]["errors"]
    assert error["__typename"] == "InvalidTransition"
    assert "CANCEL" in error["allowedActions"]
