"""Anything by its id: for those whom it concerns, and for nobody else."""

from typing import Any
from uuid import UUID

import pytest
from graphql import GraphQLNonNull, GraphQLObjectType
from sqlalchemy import func, select

from database.base import Keyed, uuid7
from database.scope import PLATFORM
from database.sessions import Origin
from models.accounts import Address, Membership, Person
from models.alerts import StockAlert
from models.carts import Cart
from models.catalog import Brand, Category, PriceChange, Product
from models.companies import Company
from models.counter_sales import CounterSale
from models.counting import StockCount
from models.delivery import Delivery, DeliveryOffer, Rider
from models.fulfillment import Fulfillment, FulfillmentLine, Substitute
from models.identity import Grant, Role, SignInSession
from models.ids import PREFIXES, encode
from models.imports import StockImport, StockSet, StockUpload
from models.integrations import App, AppSecret, WebhookDelivery, WebhookEndpoint
from models.operations import JobFailure
from models.orders import Order, OrderLine
from models.payments import Payment, Refund
from models.purchasing import GoodsReceipt, PurchaseOrder, Supplier
from models.stock import BatchRecall, StockBatch, StockEntry
from models.stores import Store
from models.support import Ticket, TicketMessage
from models.transfers import Transfer, TransferLine
from resolvers.context import House
from resolvers.nodes import IDS_COUNT, WINDOW
from schema.root import graph
from services.operations.nodes import NOUNS
from tests.support.actors import Standing, engine, stand
from tests.support.city import City
from tests.support.graph_queries import statements
from tests.support.order_rows import Keys, filled, hang

NODE = "query ($id: ID!) { node(id: $id) { __typename id } }"
NODES = "query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }"
PEOPLE = (
    "nobody", "customer", "another_customer", "picker", "neighbor", "manager", "company_admin",
    "rider", "another_rider", "support_agent", "super_admin", "other_company_manager",
    "other_company_admin",
)  # fmt: skip
STORE = {"picker", "manager", "company_admin", "super_admin"}
SUPPORT = {"support_agent", "super_admin"}
# A store's staff see all orders of their company; its tasks only those who work in the store.
ORDER = {"customer", "neighbor", *STORE, *SUPPORT}
# A cart is read by its company; what an app proves itself with through the app; failures in a list.
NEVER: tuple[type[Keyed], ...] = (Cart, AppSecret, JobFailure)
SEES: dict[type[Keyed], set[str]] = {
    Order: ORDER,
    OrderLine: ORDER,
    Payment: ORDER,
    Refund: ORDER,
    Substitute: ORDER,
    Fulfillment: STORE | SUPPORT,
    FulfillmentLine: STORE | SUPPORT,
    Delivery: {"customer", "rider"} | STORE | SUPPORT,
    DeliveryOffer: {"rider"} | STORE | SUPPORT,
    Ticket: {"customer"} | SUPPORT,
    TicketMessage: {"customer"} | SUPPORT,
    Address: {"customer"},
    Person: {"customer"},
    SignInSession: {"customer"},
    Membership: STORE,
    Rider: {"rider", "neighbor"} | STORE | SUPPORT,
    StockBatch: STORE,
    StockEntry: STORE,
    CounterSale: STORE,
    BatchRecall: {"neighbor", "support_agent", *STORE},
    PriceChange: STORE,
    StockAlert: STORE,
    PurchaseOrder: STORE,
    GoodsReceipt: STORE,
    Supplier: {"manager", "company_admin", "super_admin"},
    Transfer: STORE,
    TransferLine: STORE,
    StockCount: STORE,
    StockSet: STORE,
    StockImport: {"company_admin", "super_admin"},
    StockUpload: {"customer"},
    App: {"company_admin", "super_admin"},
    WebhookEndpoint: {"company_admin", "super_admin"},
    WebhookDelivery: {"company_admin", "super_admin"},
    **{model: set() for model in NEVER},
    **{model: set(PEOPLE) for model in (Brand, Category, Company, Product, Store)},
}
ROOTS: dict[type[Keyed], str] = {
    Order: "order", Fulfillment: "fulfillment", Delivery: "delivery", Ticket: "ticket",
    Store: "store", CounterSale: "counterSale", PurchaseOrder: "purchaseOrder",
    Supplier: "supplier", Transfer: "transfer",
    StockCount: "stockCount", StockImport: "stockImport",
}  # fmt: skip
NAMED_OTHERWISE = {SignInSession: "Session", Membership: "RoleGrant"}
# A person as they see themselves, what is read again by its owner, and what is over or past.
NO_NODES = {"Viewer", "Customer", "EndedSession", "AppSecret", "JobFailure", "WebhookEvent"}


@pytest.fixture(scope="module")
async def neighbor(house: House, town: City) -> Standing:
    """One who picks in the next store of the same company."""
    grant = Grant(Role.STORE_STAFF, town.company.id, town.next.id)
    return await stand(house, "Neighbor", grant)


@pytest.fixture(scope="module")
async def keys(
    house: House, town: City, customer: Standing, picker: Standing, rider: Standing
) -> Keys:
    """A row of every noun: the customer's, in the near store, ridden by the rider."""
    at: dict[str, Any] = {"company_id": town.company.id, "store_id": town.near.id}
    async with house.database.write(PLATFORM, Origin("test")) as session:
        keys = await hang(session, town.first, customer.id)
        riding = {"rider_id": town.riders[0].id, "rider_person_id": rider.id}
        delivery = await session.get_one(Delivery, keys[Delivery])
        delivery.rider_id, delivery.rider_person_id = town.riders[0].id, rider.id
        late = await session.scalar(select(func.now()))
        for row in (
            DeliveryOffer(delivery_id=delivery.id, expires_at=late, **riding, **at),
            Address(person_id=customer.id),
            Cart(person_id=customer.id, company_id=town.company.id),
            StockBatch(product_id=keys[Product], code=uuid7().hex, **at),
            BatchRecall(company_id=town.company.id, product_id=keys[Product], batch_code="X"),
            JobFailure(item=uuid7()),
        ):
            session.add(filled(row))
            keys[type(row)] = row.id
        for model, key in await _known(session, town, picker):
            keys[model] = key
    assert customer.actor.session_id is not None
    return keys | {SignInSession: customer.actor.session_id}


async def _known(session: Any, town: City, picker: Standing) -> list[tuple[type[Keyed], UUID]]:
    """The keys of rows that are there anyway."""
    entry = select(StockEntry.id).where(StockEntry.store_id == town.near.id).limit(1)
    role = select(Membership.id).where(Membership.person_id == picker.id)
    assert town.first.brand is not None
    return [
        (StockEntry, await session.scalar(entry)),
        (Membership, await session.scalar(role)),
        (Rider, town.riders[0].id),
        (Brand, town.first.brand.id),
        (Category, town.first.categories[0].id),
        (Company, town.company.id),
    ]


@pytest.fixture
def everybody(request: pytest.FixtureRequest) -> dict[str, Standing]:
    return {name: request.getfixturevalue(name) for name in PEOPLE}


def named(model: type[Keyed]) -> str:
    return NAMED_OTHERWISE.get(model, model.__name__)


@pytest.mark.parametrize("model", list(PREFIXES), ids=lambda model: model.__name__)
async def test_a_noun_is_found_by_those_whom_it_concerns(
    model: type[Keyed], keys: Keys, everybody: dict[str, Standing]
) -> None:
    there, missing = encode(model, keys[model]), encode(model, uuid7())
    for name, who in everybody.items():
        answer = await who.answer(NODE, {"id": there})
        if name in SEES[model]:
            assert answer.errors is None, name
            assert answer.data == {"node": {"__typename": named(model), "id": there}}, name
            continue
        nothing = await who.answer(NODE, {"id": missing})
        assert answer.data == nothing.data == {"node": None}, name
        assert answer.errors == nothing.errors, name
        [error] = answer.errors or []
        assert (error["extensions"]["code"], error["path"]) == ("NOT_FOUND", ["node"])


@pytest.mark.parametrize("model", list(ROOTS), ids=lambda model: model.__name__)
async def test_the_nouns_own_root_field_says_the_same(
    model: type[Keyed], keys: Keys, everybody: dict[str, Standing]
) -> None:
    root = ROOTS[model]
    document = f"query ($id: ID!) {{ {root}(id: $id) {{ id }} }}"
    for name, who in everybody.items():
        found = (await who.answer(document, {"id": encode(model, keys[model])})).data[root]
        assert (found is not None) == (name in SEES[model]), name


async def test_several_come_in_their_order_each_with_its_own_error(
    keys: Keys, customer: Standing, town: City
) -> None:
    mine = [encode(model, keys[model]) for model in (Order, Ticket, Store, Order)]
    ids = [mine[0], encode(StockEntry, keys[StockEntry]), mine[1], "nothing", mine[2], mine[0]]
    answer = await customer.answer(NODES, {"ids": ids})
    assert [one and one["id"] for one in answer.data["nodes"]] == [
        mine[0], None, mine[1], None, mine[2], mine[0],
    ]  # fmt: skip
    errors = {tuple(one["path"]): one["extensions"]["code"] for one in answer.errors or []}
    assert errors == {("nodes", 1): "NOT_FOUND", ("nodes", 3): "NOT_FOUND"}


@pytest.mark.parametrize("id", ["", "ord", "ord_", "ord_" + "é" * 22, "\0", "x" * 5000, "Order:1"])
async def test_what_is_no_id_is_not_found(id: str, super_admin: Standing) -> None:
    assert await super_admin.codes(NODE, {"id": id}) == {"NOT_FOUND"}
    assert await super_admin.codes(NODES, {"ids": [id]}) == {"NOT_FOUND"}


async def test_more_than_a_hundred_are_refused(super_admin: Standing) -> None:
    ids = [encode(Order, uuid7()) for _ in range(IDS_COUNT + 1)]
    assert await super_admin.codes(NODES, {"ids": ids}) == {"INVALID_INPUT"}
    assert await super_admin.codes(NODES, {"ids": ids[1:]}) == {"NOT_FOUND"}
    assert await super_admin.run(NODES, {"ids": []}) == {"nodes": []}


async def test_a_hundred_rows_of_a_noun_take_one_read(house: House, super_admin: Standing) -> None:
    async with house.database.read(PLATFORM) as session:
        lines = list(await session.scalars(select(OrderLine.id).limit(IDS_COUNT)))
    ids = [encode(OrderLine, key) for key in lines]
    ids += [encode(OrderLine, uuid7()) for _ in range(IDS_COUNT - len(ids))]
    with statements(house.database) as sent:
        await super_admin.answer(NODES, {"ids": ids})
    assert len(sent) <= 3  # the scope, the lines, their orders


async def test_a_product_without_a_store_has_no_price(keys: Keys, nobody: Standing) -> None:
    document = """query ($id: ID!) { node(id: $id) { ... on Product {
      name price { minor } availability category { id productCount } } } }"""
    [found] = (await nobody.run(document, {"id": encode(Product, keys[Product])})).values()
    assert found["name"]
    assert found["price"] is found["availability"] is found["category"]["productCount"] is None


def test_the_ids_are_priced_as_the_objects_they_ask_for() -> None:
    prepared: Any = engine().prepare(NODES)
    few, many = [engine().cost(prepared, {"ids": ["x"] * count}) for count in (1, 100)]
    assert (few, many) == (2, 101)
    literal: Any = engine().prepare('{ nodes(ids: ["a", "b"]) { __typename id } }')
    assert engine().cost(literal, {}) == 3


def test_all_that_has_a_public_id_is_a_node() -> None:
    shape = graph._schema
    kinds = [kind for kind in shape.type_map.values() if isinstance(kind, GraphQLObjectType)]
    with_id = {
        kind.name
        for kind in kinds
        if "id" in kind.fields and isinstance(kind.fields["id"].type, GraphQLNonNull)
    }
    node: Any = shape.type_map["Node"]
    nodes = {kind.name for kind in shape.get_possible_types(node)}
    assert with_id - nodes == NO_NODES
    assert nodes == {named(model) for model in PREFIXES} - {model.__name__ for model in NEVER}
    assert NOUNS | set(WINDOW) == set(PREFIXES) - set(NEVER)
