"""A row of every noun that hangs on an order, made by hand: no verb has to have led to it."""

import secrets
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from database.base import Keyed, uuid7
from models.accounts import Person
from models.alerts import AlertKind, StockAlert
from models.catalog import PriceChange, Product
from models.counter_sales import CounterSale, Tender
from models.counting import StockCount
from models.delivery import Delivery
from models.fulfillment import Fulfillment, FulfillmentLine, Substitute
from models.identity import Role
from models.imports import ErrorPolicy, ImportFormat, ImportMode, StockImport, StockSet, StockUpload
from models.integrations import App, AppSecret, AppSecretKind, WebhookDelivery, WebhookEndpoint
from models.orders import Order, OrderLine
from models.payments import Payment, Refund, RefundReason
from models.purchasing import GoodsReceipt, PurchaseOrder, Supplier
from models.stores import Store
from models.support import Ticket, TicketKind, TicketMessage
from models.transfers import Transfer, TransferLine
from tests.support.city import Shop

SOMETHING: dict[type, Any] = {
    str: "x", int: 1, float: 1.0, bool: False, datetime: datetime(2026, 1, 1, tzinfo=UTC),
    date: date(2026, 1, 1),
}  # fmt: skip
HANGING: tuple[type[Keyed], ...] = (
    Order, OrderLine, Payment, Refund, Fulfillment, FulfillmentLine, Delivery, Ticket,
    TicketMessage, PriceChange, StockAlert, CounterSale, Supplier, PurchaseOrder, GoodsReceipt,
    Transfer, TransferLine, StockCount, StockImport, StockSet, StockUpload,
    Substitute, App, AppSecret, WebhookEndpoint, WebhookDelivery,
)  # fmt: skip
KINDS: dict[type[Keyed], Any] = {StockAlert: AlertKind.LOW, AppSecret: AppSecretKind.API_KEY}
Keys = dict[type[Keyed], UUID]


async def hang(session: AsyncSession, shop: Shop, customer_id: UUID | None = None) -> Keys:
    """The keys of an order of the shop's first store with all that can hang on it."""
    if customer_id is None:
        customer = Person(name=f"Customer of {shop.company.name}")
        session.add(customer)
        await session.flush()
        customer_id = customer.id
    keys: Keys = {Person: customer_id, Store: shop.stores[0].id, Product: shop.products[0].id}
    elsewhere = await _store(session, shop)
    for model in HANGING:
        row = filled(model(**_fitting(model, shop, keys, elsewhere)))
        session.add(row)
        await session.flush()
        keys[model] = row.id
    return keys


async def _store(session: AsyncSession, shop: Shop) -> UUID:
    """The key of another store of the shop's company, in which nobody works."""
    row = filled(Store(company_id=shop.id, code=uuid7().hex, latitude=0.0, longitude=0.0))
    session.add(row)
    await session.flush()
    key: UUID = row.id
    return key


def _fitting(model: type[Keyed], shop: Shop, keys: Keys, elsewhere: UUID) -> dict[str, Any]:
    """What the columns of a noun hold when they are called so."""
    given = {
        "currency": "EUR",
        "items_minor": 1,
        "total_minor": 1,
        "amount_minor": 1,
        "unit_price_minor": 1,
        "quantity": 1,
        "company_id": shop.id,
        "customer_id": keys[Person],
        "opened_by_id": keys[Person],
        "author_id": keys[Person],
        "tender": Tender.CARD,
        "reason": RefundReason.LATE,
        "kind": KINDS.get(model, TicketKind.ITEM_MISSING),
        "hash": secrets.token_bytes(32),
        "opened": ["STOCK_READ"],
        "event_types": ["ORDER_PLACED"],
        "endpoint_id": keys.get(WebhookEndpoint),
        "author_role": Role.CUSTOMER,
        "code": uuid7().hex,
        "number": secrets.randbelow(2**31),
        "resolved_at": SOMETHING[datetime],
        "source_id": keys[Store],
        "destination_id": elsewhere,
        "upload_id": uuid7(),
        "format": ImportFormat.CSV,
        "mode": ImportMode.SET,
        "on_error": ErrorPolicy.SKIP_BAD,
    }
    links = {f"{parent.__tablename__}_id": key for parent, key in keys.items()}
    known = {column.name for column in model.__table__.columns}
    return {name: one for name, one in (given | links).items() if name in known}


def filled(row: Any) -> Any:
    """The row with something in every column that must not be empty."""
    for column in type(row).__table__.columns:
        bare = not column.nullable and column.default is None and column.server_default is None
        if bare and getattr(row, column.name) is None:
            setattr(row, column.name, SOMETHING[column.type.python_type])
    return row
