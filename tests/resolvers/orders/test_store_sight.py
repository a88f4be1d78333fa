"""What the staff of a store sees of orders: their own store's, while they have to do with them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from database.audit import AuditContext
from database.base import Entity, uuid7
from database.scope import PLATFORM
from database.sessions import Database
from models.delivery import Delivery, DeliveryStatus
from models.fulfillment import Fulfillment, FulfillmentLine, FulfillmentStatus
from models.identity import Grant, Role
from models.ids import encode_id
from models.orders import Order, OrderLine, OrderStatus
from models.payments import Payment
from models.stock import BatchRecall, PickedBatch, StockBatch
from resolvers.context import Container
from tests.support.actors import ActorClient, create_client
from tests.support.city import City, CityCompany
from tests.support.order_rows import Keys, create_order_rows, fill_required_columns

ORDER = """query ($id: ID!) { order(id: $id) { customerName addressLine deliveryInstructions
  location { latitude } lines { name } payment { status } delivery { status }
  timeline(first: 5) { nodes { type } } } }"""
RECIPIENT = """query ($id: ID!) { order(id: $id) {
  customerName addressLine deliveryInstructions location { latitude } } }"""
NODE = "query ($id: ID!) { node(id: $id) { id } }"
REFUSAL = "query ($id: ID!) { order(id: $id) { payment { failureCode failureMessage } } }"


@pytest.fixture
async def keys(database: Database, shared_city: City, another_customer: ActorClient) -> Keys:
    """A paid order of the near store with all that belongs to it."""
    async with database.write(PLATFORM, AuditContext("test")) as session:
        keys = await create_order_rows(session, shared_city.first, another_customer.id)
    await change(database, Order, keys, status=OrderStatus.CONFIRMED)
    return keys


@pytest.fixture
async def neighbor(container: Container, shared_city: City) -> ActorClient:
    grant = Grant(Role.STORE_STAFF, shared_city.company.id, shared_city.next.id)
    return await create_client(container, "Neighbor", grant)


async def change(database: Database, model: type[Entity], keys: Keys, **values: Any) -> None:
    async with database.write(PLATFORM, AuditContext("test")) as session:
        await session.execute(update(model).where(model.id == keys[model]).values(values))


def id_of(keys: Keys, model: type[Entity]) -> dict[str, str]:
    return {"id": encode_id(model, keys[model])}


async def test_staff_of_another_store_of_the_company_find_no_order(
    keys: Keys, picker: ActorClient, company_admin: ActorClient, neighbor: ActorClient
) -> None:
    """`order` and `node` told staff of every store address and gate code of every order."""
    for model, document in ((Order, ORDER), *((one, NODE) for one in (Order, OrderLine, Payment))):
        for colleague in (picker, company_admin):
            assert all((await colleague.run(document, id_of(keys, model))).values())
        assert await neighbor.codes(document, id_of(keys, model)) == {"NOT_FOUND"}


async def test_a_store_that_lost_an_order_loses_sight_of_it(
    database: Database, shared_city: City, keys: Keys, picker: ActorClient, neighbor: ActorClient
) -> None:
    """The first store rejects, the order moves on: name and address are no longer its business."""
    await change(database, Order, keys, store_id=shared_city.next.id)
    await change(database, Fulfillment, keys, status=FulfillmentStatus.REJECTED)
    assert await picker.codes(ORDER, id_of(keys, Order)) == {"NOT_FOUND"}
    assert (await neighbor.run(ORDER, id_of(keys, Order)))["order"]["addressLine"] is not None
    task = "query ($id: ID!) { fulfillment(id: $id) { status customerName substitutions { id } } }"
    lost = (await picker.run(task, id_of(keys, Fulfillment)))["fulfillment"]
    assert lost == {"status": "REJECTED", "customerName": None, "substitutions": []}


async def test_the_address_disappears_for_staff_a_day_after_the_end(
    database: Database,
    keys: Keys,
    picker: ActorClient,
    company_admin: ActorClient,
    support_agent: ActorClient,
    another_customer: ActorClient,
) -> None:
    """Staff went on reading names and addresses of completed orders for ever."""

    async def seen(who: ActorClient) -> bool:
        values = (await who.run(RECIPIENT, id_of(keys, Order)))["order"].values()
        assert len({value is None for value in values}) == 1
        return None not in values

    for hours, visible in ((1, True), (25, False)):
        closed_at = datetime.now(UTC) - timedelta(hours=hours)
        status = OrderStatus.COMPLETED
        await change(database, Order, keys, status=status, completed_at=closed_at)
        for staff in (picker, company_admin):
            assert await seen(staff) is visible
        assert await seen(support_agent)
        assert await seen(another_customer)
    await change(database, Order, keys, status=OrderStatus.PLACED, completed_at=None)
    assert not await seen(picker)


async def test_the_address_of_a_delivery_disappears_like_that_of_its_order(
    database: Database, keys: Keys, picker: ActorClient, support_agent: ActorClient
) -> None:
    document = (
        "query ($id: ID!) { delivery(id: $id) { customerName addressLine deliveryInstructions } }"
    )
    closed_at = datetime.now(UTC) - timedelta(hours=25)
    for values, visible in (
        ({}, True),
        ({"status": DeliveryStatus.DELIVERED, "delivered_at": closed_at}, False),
    ):
        if values:
            await change(database, Delivery, keys, **values)
        shown = (await picker.run(document, id_of(keys, Delivery)))["delivery"]
        assert {value is not None for value in shown.values()} == {visible}
        assert None not in (await support_agent.run(document, id_of(keys, Delivery)))["delivery"]


async def test_why_the_bank_refused_is_for_the_customer_and_support(
    database: Database,
    keys: Keys,
    picker: ActorClient,
    company_admin: ActorClient,
    support_agent: ActorClient,
    another_customer: ActorClient,
) -> None:
    """`Payment.failureMessage` speaks to the card holder, and was shown to the whole store."""
    refusal = {"failure_code": "card_declined", "failure_message": "Your card was declined."}
    await change(database, Payment, keys, **refusal)
    for who, visible in (
        (picker, False),
        (company_admin, False),
        (support_agent, True),
        (another_customer, True),
    ):
        payment = (await who.run(REFUSAL, id_of(keys, Order)))["order"]["payment"]
        assert {value is not None for value in payment.values()} == {visible}


async def test_a_recall_lists_to_each_stores_staff_the_orders_and_batches_of_their_store(
    database: Database,
    shared_city: City,
    picker: ActorClient,
    neighbor: ActorClient,
    company_admin: ActorClient,
    another_customer: ActorClient,
) -> None:
    """The list told every store's staff the order ids of all others: the way to the addresses."""
    code = uuid7().hex
    recall = BatchRecall(
        company_id=shared_city.company.id,
        product_id=shared_city.products[0].id,
        batch_code=code,
        reason="Glass",
    )
    async with database.write(PLATFORM, AuditContext("test")) as session:
        session.add(recall)
        sold = {
            store.id: await _sell_batch(session, replace(shared_city.first, stores=[store]), code)
            for store in (shared_city.near, shared_city.next)
        }
    document = """query ($id: ID!) { batchRecall(id: $id) {
      batches { store { id } } orders(first: 10) { nodes { orderId } } } }"""
    for who, stores in (
        (picker, [shared_city.near]),
        (neighbor, [shared_city.next]),
        (company_admin, [shared_city.near, shared_city.next]),
    ):
        data = (await who.run(document, {"id": encode_id(BatchRecall, recall.id)}))["batchRecall"]
        listed = {node["orderId"] for node in data["orders"]["nodes"]}
        assert listed == {sold[store.id] for store in stores}
        assert len(data["batches"]) == len(stores)


async def _sell_batch(session: AsyncSession, shop: CityCompany, code: str) -> str:
    """An order of the company's first store that got a unit of a batch; return its id."""
    keys = await create_order_rows(session, shop)
    place = {"company_id": shop.id, "store_id": shop.stores[0].id}
    place |= {"product_id": shop.products[0].id}
    batch = StockBatch(**place, code=code, on_hand=0, unsellable=0)
    session.add(fill_required_columns(batch))
    await session.flush()
    links = {"fulfillment_line_id": keys[FulfillmentLine], "order_id": keys[Order]}
    session.add(PickedBatch(**place, **links, batch_id=batch.id, quantity=1))
    await session.flush()
    return encode_id(Order, keys[Order])
