"""Creates a row of every model that belongs to an order, directly, without commands."""

import secrets
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from database.base import Entity, uuid7
from models.accounts import User
from models.alerts import StockAlert, StockAlertKind
from models.catalog import Product, ScheduledPrice
from models.counter_sales import PosSale, TenderKind
from models.counting import StockCount
from models.delivery import Delivery
from models.files import File, FilePurpose
from models.fulfillment import Fulfillment, FulfillmentLine, PutBackLine, Substitution
from models.identity import Role
from models.imports import (
    ErrorPolicy,
    StockBulkUpdate,
    StockImport,
    StockImportFile,
    StockImportFormat,
    StockImportMode,
)
from models.integrations import App, AppSecret, AppSecretKind, WebhookDelivery, WebhookEndpoint
from models.orders import (
    AgeCheck,
    AgeCheckDocument,
    AgeCheckResult,
    Order,
    OrderChange,
    OrderLine,
)  # fmt: skip
from models.payments import Dispute, Payment, Refund, RefundReason
from models.purchasing import GoodsReceipt, PurchaseOrder, Supplier
from models.stores import Store
from models.support import Ticket, TicketCategory, TicketMessage
from models.transfers import StockTransfer, StockTransferLine
from tests.support.city import CityCompany

SAMPLE_VALUES: dict[type, Any] = {
    str: "x", int: 1, float: 1.0, bool: False, datetime: datetime(2026, 1, 1, tzinfo=UTC),
    date: date(2026, 1, 1),
}  # fmt: skip
ORDER_ROW_MODELS: tuple[type[Entity], ...] = (
    Order, OrderLine, OrderChange, Payment, Refund, Fulfillment, FulfillmentLine, Delivery, Ticket,
    TicketMessage, ScheduledPrice, StockAlert, PosSale, Supplier, PurchaseOrder, GoodsReceipt,
    StockTransfer, StockTransferLine, StockCount, StockImport, StockBulkUpdate, StockImportFile,
    Substitution, PutBackLine, AgeCheck, Dispute, File, App, AppSecret,
    WebhookEndpoint, WebhookDelivery,
)  # fmt: skip
KINDS: dict[type[Entity], Any] = {
    StockAlert: StockAlertKind.LOW_STOCK,
    AppSecret: AppSecretKind.API_KEY,
}
PASSPORT = {"document": AgeCheckDocument.PASSPORT, "result": AgeCheckResult.PASSED}
Keys = dict[type[Entity], UUID]


async def create_order_rows(
    session: AsyncSession, shop: CityCompany, customer_id: UUID | None = None
) -> Keys:
    """Create an order of the company's first store with all rows that belong to it."""
    if customer_id is None:
        customer = User(name=f"Customer of {shop.company.name}")
        session.add(customer)
        await session.flush()
        customer_id = customer.id
    keys: Keys = {User: customer_id, Store: shop.stores[0].id, Product: shop.products[0].id}
    elsewhere = await _store(session, shop)
    for model in ORDER_ROW_MODELS:
        row = fill_required_columns(model(**_column_values(model, shop, keys, elsewhere)))
        session.add(row)
        await session.flush()
        keys[model] = row.id
    return keys


async def _store(session: AsyncSession, shop: CityCompany) -> UUID:
    """Create another store of the company, without staff; return its key."""
    row = fill_required_columns(
        Store(company_id=shop.id, code=uuid7().hex, latitude=0.0, longitude=0.0)
    )
    session.add(row)
    await session.flush()
    key: UUID = row.id
    return key


def _column_values(
    model: type[Entity], shop: CityCompany, keys: Keys, elsewhere: UUID
) -> dict[str, Any]:
    """Return the values of a model's columns by their names."""
    values = {
        "currency": "EUR",
        "subtotal_minor": 1,
        "total_minor": 1,
        "amount_minor": 1,
        "unit_price_minor": 1,
        "quantity": 1,
        "company_id": shop.id,
        "customer_id": keys[User],
        "opened_by_id": keys[User],
        "author_id": keys[User],
        "tender_type": TenderKind.CARD,
        "reason": RefundReason.LATE,
        "type": KINDS.get(model),
        "category": TicketCategory.ITEM_MISSING,
        "hash": secrets.token_bytes(32),
        "provider_dispute_id": uuid7().hex,
        "opened": ["STOCK_READ"],
        "event_types": ["ORDER_PLACED"],
        "endpoint_id": keys.get(WebhookEndpoint),
        "author_role": Role.CUSTOMER,
        "code": uuid7().hex,
        "receipt_number": secrets.randbelow(2**31),
        "resolved_at": SAMPLE_VALUES[datetime],
        "source_id": keys[Store],
        "destination_id": elsewhere,
        "upload_id": uuid7(),
        "format": StockImportFormat.CSV,
        "mode": StockImportMode.SET,
        "error_policy": ErrorPolicy.SKIP_INVALID,
    }
    values |= {"owner_id": keys[User], "purpose": FilePurpose.PRODUCT_IMAGE}
    values |= {"checked_by_id": keys[User], **PASSPORT, "wanted": {}, "previous": {}}
    links = {f"{parent.__tablename__}_id": key for parent, key in keys.items()}
    columns = {column.name for column in model.__table__.columns}
    return {name: item for name, item in (values | links).items() if name in columns}


def fill_required_columns(row: Any) -> Any:
    """Return the row with a value in every required column."""
    for column in type(row).__table__.columns:
        required = not column.nullable and column.default is None and column.server_default is None
        if required and getattr(row, column.name) is None:
            setattr(row, column.name, SAMPLE_VALUES[column.type.python_type])
    return row
