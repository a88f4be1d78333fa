"""`node` and `nodes`: every object is readable by id for exactly those who may see it."""

from typing import Any
from uuid import UUID

import pytest
from graphql import GraphQLNonNull, GraphQLObjectType
from sqlalchemy import func, select

from database.audit import AuditContext
from database.base import Entity, uuid7
from database.scope import PLATFORM
from models.accounts import Address, Invitation, Membership, User
from models.alerts import StockAlert
from models.carts import Cart
from models.catalog import Brand, Category, Product, ScheduledPrice
from models.companies import Company
from models.counter_sales import PosSale
from models.counting import StockCount
from models.delivery import Delivery, DeliveryOffer
from models.files import File
from models.fulfillment import Fulfillment, FulfillmentLine, PutBackLine, Substitution
from models.identity import Grant, Role, SignInSession
from models.ids import PREFIXES, encode_id
from models.imports import StockBulkUpdate, StockImport, StockImportFile
from models.integrations import App, AppSecret, WebhookDelivery, WebhookEndpoint
from models.operations import JobFailure
from models.orders import Order, OrderChange, OrderLine
from models.payments import Dispute, Payment, Refund
from models.purchasing import GoodsReceipt, PurchaseOrder, Supplier
from models.riders import Rider
from models.stock import BatchRecall, StockBatch, StockMovement
from models.stores import Store
from models.support import Ticket, TicketMessage
from models.transfers import StockTransfer, StockTransferLine
from resolvers.context import Container
from resolvers.nodes import MAX_IDS, PUBLIC_LOADERS
from schema.root import graph
from services.operations.nodes import NODE_MODELS
from tests.support.actors import ActorClient, create_client, engine
from tests.support.city import City
from tests.support.graph_queries import record_statements
from tests.support.order_rows import Keys, create_order_rows, fill_required_columns

NODE = "query ($id: ID!) { node(id: $id) { __typename id } }"
NODES = "query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }"
PEOPLE = (
    "nobody", "customer", "another_customer", "picker", "neighbor", "manager", "company_admin",
    "rider", "another_rider", "support_agent", "super_admin", "other_company_manager",
    "other_company_admin",
)  # fmt: skip
STORE = {"picker", "manager", "company_admin", "super_admin"}
SUPPORT = {"support_agent", "super_admin"}
ORDER = {"customer", *STORE, *SUPPORT}
# Carts are read through the storefront, app secrets through the app, job failures as a list.
NOT_NODES: tuple[type[Entity], ...] = (Cart, AppSecret, JobFailure)
READERS: dict[type[Entity], set[str]] = {
    Order: ORDER,
    OrderChange: ORDER,
    OrderLine: ORDER,
    Payment: ORDER,
    Refund: ORDER,
    Dispute: {"company_admin"} | SUPPORT,
    Substitution: ORDER,
    Fulfillment: STORE | SUPPORT,
    FulfillmentLine: STORE | SUPPORT,
    PutBackLine: STORE | SUPPORT,
    Delivery: {"customer", "rider"} | STORE | SUPPORT,
    DeliveryOffer: {"rider"} | STORE | SUPPORT,
    Ticket: {"customer"} | SUPPORT,
    TicketMessage: {"customer"} | SUPPORT,
    Address: {"customer"},
    User: {"customer"},
    SignInSession: {"customer"},
    Membership: STORE,
    Invitation: {"manager", "company_admin", "super_admin"},
    Rider: {"rider"} | STORE - {"picker"} | SUPPORT,
    StockBatch: STORE,
    StockMovement: STORE,
    PosSale: STORE,
    BatchRecall: {"neighbor", "support_agent", *STORE},
    ScheduledPrice: STORE,
    StockAlert: STORE,
    PurchaseOrder: STORE,
    GoodsReceipt: STORE,
    Supplier: {"manager", "company_admin", "super_admin"},
    StockTransfer: STORE,
    StockTransferLine: STORE,
    StockCount: STORE,
    StockBulkUpdate: STORE,
    StockImport: {"company_admin", "super_admin"},
    StockImportFile: {"customer"},
    File: {"neighbor", *STORE},
    App: {"company_admin", "super_admin"},
    WebhookEndpoint: {"company_admin", "super_admin"},
    WebhookDelivery: {"company_admin", "super_admin"},
    **{model: set() for model in NOT_NODES},
    **{model: set(PEOPLE) for model in (Brand, Category, Company, Product, Store)},
}
ROOTS: dict[type[Entity], str] = {
    Order: "order", Fulfillment: "fulfillment", Delivery: "delivery", Ticket: "ticket",
    Store: "store", PosSale: "posSale", PurchaseOrder: "purchaseOrder",
    Supplier: "supplier", StockTransfer: "transfer",
    StockCount: "stockCount", StockImport: "stockImport", File: "file",
}  # fmt: skip
TYPE_NAMES = {SignInSession: "Session", Membership: "RoleAssignment"}
# Types with an id that `node` does not return.
TYPES_WITHOUT_NODE = {
    "Viewer", "Customer", "EndedSession", "AppSecret", "JobFailure", "WebhookEvent",
}  # fmt: skip


@pytest.fixture(scope="module")
async def neighbor(container: Container, shared_city: City) -> ActorClient:
    """A picker in another store of the same company."""
    grant = Grant(Role.STORE_STAFF, shared_city.company.id, shared_city.next.id)
    return await create_client(container, "Neighbor", grant)


@pytest.fixture(scope="module")
async def manager(container: Container, shared_city: City) -> ActorClient:
    """The manager of the near store, a client unlike the fixture of this folder."""
    grant = Grant(Role.STORE_MANAGER, shared_city.company.id, shared_city.near.id)
    return await create_client(container, "Manager", grant)


@pytest.fixture(scope="module")
async def keys(
    container: Container,
    shared_city: City,
    customer: ActorClient,
    picker: ActorClient,
    rider: ActorClient,
) -> Keys:
    """The key of a row of every model: of the customer, in the near store, with the rider."""
    company: dict[str, Any] = {"company_id": shared_city.company.id}
    place: dict[str, Any] = {**company, "store_id": shared_city.near.id}
    async with container.database.write(PLATFORM, AuditContext("test")) as session:
        keys = await create_order_rows(session, shared_city.first, customer.id)
        rider_ids = {"rider_id": shared_city.riders[0].id, "rider_person_id": rider.id}
        delivery = await session.get_one(Delivery, keys[Delivery])
        delivery.rider_id, delivery.rider_person_id = shared_city.riders[0].id, rider.id
        now = await session.scalar(select(func.now()))
        for row in (
            DeliveryOffer(delivery_id=delivery.id, expires_at=now, **rider_ids, **place),
            Address(person_id=customer.id),
            Cart(person_id=customer.id, **company),
            StockBatch(product_id=keys[Product], code=uuid7().hex, **place),
            BatchRecall(**company, product_id=keys[Product], batch_code="X"),
            JobFailure(item=uuid7()),
            Invitation(
                role=Role.STORE_STAFF,
                email=f"{uuid7().hex}@mail.example",
                invited_by_id=customer.id,
                **place,
            ),
        ):
            session.add(fill_required_columns(row))
            keys[type(row)] = row.id
        for model, key in await _existing_keys(session, shared_city, picker):
            keys[model] = key
    assert customer.actor.session_id is not None
    return keys | {SignInSession: customer.actor.session_id}


async def _existing_keys(
    session: Any, shared_city: City, picker: ActorClient
) -> list[tuple[type[Entity], UUID]]:
    """Return the keys of rows that exist already."""
    entry = select(StockMovement.id).where(StockMovement.store_id == shared_city.near.id).limit(1)
    role = select(Membership.id).where(Membership.person_id == picker.id)
    assert shared_city.first.brand is not None
    return [
        (StockMovement, await session.scalar(entry)),
        (Membership, await session.scalar(role)),
        (Rider, shared_city.riders[0].id),
        (Brand, shared_city.first.brand.id),
        (Category, shared_city.first.categories[0].id),
        (Company, shared_city.company.id),
    ]


@pytest.fixture
def everybody(request: pytest.FixtureRequest) -> dict[str, ActorClient]:
    return {name: request.getfixturevalue(name) for name in PEOPLE}


def type_name(model: type[Entity]) -> str:
    return TYPE_NAMES.get(model, model.__name__)


@pytest.mark.parametrize("model", list(PREFIXES), ids=lambda model: model.__name__)
async def test_an_object_is_found_by_those_who_may_read_it(
    model: type[Entity], keys: Keys, everybody: dict[str, ActorClient]
) -> None:
    row_id, missing_id = encode_id(model, keys[model]), encode_id(model, uuid7())
    for name, who in everybody.items():
        answer = await who.answer(NODE, {"id": row_id})
        if name in READERS[model]:
            assert answer.errors is None, name
            assert answer.data == {"node": {"__typename": type_name(model), "id": row_id}}, name
            continue
        missing = await who.answer(NODE, {"id": missing_id})
        assert answer.data == missing.data == {"node": None}, name
        assert answer.errors == missing.errors, name
        [error] = answer.errors or []
        assert (error["extensions"]["code"], error["path"]) == ("NOT_FOUND", ["node"])


@pytest.mark.parametrize("model", list(ROOTS), ids=lambda model: model.__name__)
async def test_the_root_field_of_the_type_gives_the_same_result(
    model: type[Entity], keys: Keys, everybody: dict[str, ActorClient]
) -> None:
    root = ROOTS[model]
    document = f"query ($id: ID!) {{ {root}(id: $id) {{ id }} }}"
    for name, who in everybody.items():
        row = (await who.answer(document, {"id": encode_id(model, keys[model])})).data[root]
        assert (row is not None) == (name in READERS[model]), name


async def test_several_ids_keep_their_order_each_with_its_own_error(
    keys: Keys, customer: ActorClient, shared_city: City
) -> None:
    own_ids = [encode_id(model, keys[model]) for model in (Order, Ticket, Store, Order)]
    ids = [
        own_ids[0],
        encode_id(StockMovement, keys[StockMovement]),
        own_ids[1],
        "nothing",
        own_ids[2],
        own_ids[0],
    ]
    answer = await customer.answer(NODES, {"ids": ids})
    assert [row and row["id"] for row in answer.data["nodes"]] == [
        own_ids[0], None, own_ids[1], None, own_ids[2], own_ids[0],
    ]  # fmt: skip
    errors = {tuple(error["path"]): error["extensions"]["code"] for error in answer.errors or []}
    assert errors == {("nodes", 1): "NOT_FOUND", ("nodes", 3): "NOT_FOUND"}


@pytest.mark.parametrize("id", ["", "ord", "ord_", "ord_" + "é" * 22, "\a", "x" * 5000, "Order:1"])
async def test_an_invalid_id_is_not_found(id: str, super_admin: ActorClient) -> None:
    assert await super_admin.codes(NODE, {"id": id}) == {"NOT_FOUND"}
    assert await super_admin.codes(NODES, {"ids": [id]}) == {"NOT_FOUND"}


async def test_more_than_a_hundred_are_refused(super_admin: ActorClient) -> None:
    ids = [encode_id(Order, uuid7()) for _ in range(MAX_IDS + 1)]
    assert await super_admin.codes(NODES, {"ids": ids}) == {"INVALID_INPUT"}
    assert await super_admin.codes(NODES, {"ids": ids[1:]}) == {"NOT_FOUND"}
    assert await super_admin.run(NODES, {"ids": []}) == {"nodes": []}


async def test_a_hundred_rows_of_a_model_take_one_read(
    container: Container, super_admin: ActorClient
) -> None:
    async with container.database.read(PLATFORM) as session:
        lines = list(await session.scalars(select(OrderLine.id).limit(MAX_IDS)))
    ids = [encode_id(OrderLine, key) for key in lines]
    ids += [encode_id(OrderLine, uuid7()) for _ in range(MAX_IDS - len(ids))]
    with record_statements(container.database) as sent:
        await super_admin.answer(NODES, {"ids": ids})
    assert len(sent) <= 3  # the scope, the lines, their orders


async def test_a_product_outside_a_store_has_no_price(keys: Keys, nobody: ActorClient) -> None:
    document = """query ($id: ID!) { node(id: $id) { ... on Product {
      name price { minorUnits } availability category { id productCount } } } }"""
    [product] = (await nobody.run(document, {"id": encode_id(Product, keys[Product])})).values()
    assert product["name"]
    assert (
        product["price"] is product["availability"] is product["category"]["productCount"] is None
    )


def test_ids_cost_as_much_as_the_objects_they_request() -> None:
    prepared: Any = engine().prepare(NODES)
    few, many = [engine().cost(prepared, {"ids": ["x"] * count}) for count in (1, 100)]
    assert many - few == 99
    literal: Any = engine().prepare('{ nodes(ids: ["a", "b"]) { __typename id } }')
    assert engine().cost(literal, {}) == few + 1


def test_every_type_with_a_public_id_is_a_node() -> None:
    schema = graph._schema
    kinds = [kind for kind in schema.type_map.values() if isinstance(kind, GraphQLObjectType)]
    with_id = {
        kind.name
        for kind in kinds
        if "id" in kind.fields and isinstance(kind.fields["id"].type, GraphQLNonNull)
    }
    node: Any = schema.type_map["Node"]
    nodes = {kind.name for kind in schema.get_possible_types(node)}
    assert with_id - nodes == TYPES_WITHOUT_NODE
    assert nodes == {type_name(model) for model in PREFIXES if model not in NOT_NODES}
    assert NODE_MODELS | set(PUBLIC_LOADERS) == set(PREFIXES) - set(NOT_NODES)
