"""Any row by its key, for those whom it concerns: one table from the noun to who sees it."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.base import Keyed
from database.rows import model_of
from models.accounts import Address, Membership, Person
from models.alerts import StockAlert
from models.catalog import PriceChange
from models.counter_sales import CounterSale
from models.counting import StockCount
from models.delivery import Delivery, DeliveryOffer, Rider
from models.fulfillment import Fulfillment, FulfillmentLine, Substitute
from models.identity import Actor, SignInSession
from models.imports import StockImport, StockSet, StockUpload
from models.integrations import App, WebhookDelivery, WebhookEndpoint
from models.orders import Order, OrderLine
from models.payments import Payment, Refund
from models.purchasing import GoodsReceipt, PurchaseOrder, Supplier
from models.stock import BatchRecall, StockBatch, StockEntry
from models.support import Ticket, TicketMessage
from models.transfers import Transfer, TransferLine
from services.accounts import addresses, memberships, people
from services.core.access import works_in
from services.core.problems import Refused, not_found
from services.delivery import deliveries, delivery_states, riders
from services.fulfillment import fulfillments
from services.imports import stock_imports
from services.integrations import apps, webhook_deliveries, webhook_endpoints
from services.purchasing.suppliers import manages
from services.stock import recalls
from services.support import ticket_queries
from services.transfers import transfer_queries

Row = TypeVar("Row", bound=Keyed)
See = Callable[[AsyncSession, Actor, Any], Awaitable[Any]]


async def seen(
    session: AsyncSession, *, actor: Actor, model: type[Keyed], keys: Collection[UUID]
) -> dict[UUID, Any]:
    """What the actor may see of these rows: in one statement, and one for what they hang on.

    The noun's own rule decides; what it refuses is left out, as is what does not exist.
    """
    # The session remembers the rows, so that no rule has to ask for them again.
    rows: Sequence[Any] = (await session.scalars(select(model).where(model.id.in_(keys)))).all()
    if model in PARTS:
        whole, link = PARTS[model]
        above = {getattr(row, link) for row in rows}
        wholes = await seen(session, actor=actor, model=whole, keys=above)
        return {row.id: row for row in rows if getattr(row, link) in wholes}
    found: dict[UUID, Any] = {}
    for row in rows:
        with suppress(Refused):
            found[row.id] = await SEEN_BY[model](session, actor, row)
    return found


async def _order(session: AsyncSession, actor: Actor, row: Order) -> Order:
    return row  # read in the actor's own scope, which is all that an order asks


async def _delivery(session: AsyncSession, actor: Actor, row: Delivery) -> Delivery:
    return await deliveries.visible(session, actor=actor, delivery_id=row.id)


async def _fulfillment(session: AsyncSession, actor: Actor, row: Fulfillment) -> Fulfillment:
    return await fulfillments.visible(session, actor=actor, fulfillment_id=row.id)


async def _ticket(session: AsyncSession, actor: Actor, row: Ticket) -> Ticket:
    return await ticket_queries.visible(session, actor=actor, ticket_id=row.id)


async def _address(session: AsyncSession, actor: Actor, row: Address) -> Address:
    return await addresses.address(session, _me(actor, Address), row.id)


async def _person(session: AsyncSession, actor: Actor, row: Person) -> Person:
    return _allowed(row, actor.person_id == row.id)


async def _device(session: AsyncSession, actor: Actor, row: SignInSession) -> people.Device:
    """For its owner, until it was ended."""
    _allowed(row, actor.person_id == row.person_id and row.revoked_at is None)
    return people.Device(row, row.id == actor.session_id)


async def _membership(session: AsyncSession, actor: Actor, row: Membership) -> Membership:
    """For its holder, and for those who could give or take it; gone once it was taken."""
    where = memberships.Where(company_id=row.company_id, store_id=row.store_id)
    gives = row.role in memberships.grantable(actor, where)
    mine = actor.person_id == row.person_id
    return _allowed(row, row.revoked_at is None and (mine or gives))


async def _rider(session: AsyncSession, actor: Actor, row: Rider) -> Rider:
    return _allowed(row, actor.person_id == row.person_id or riders.looks_after(actor, row))


async def _offer(session: AsyncSession, actor: Actor, row: DeliveryOffer) -> DeliveryOffer:
    desk = actor.works_at(row.company_id, row.store_id, delivery_states.DESK_ROLES)
    return _allowed(row, actor.person_id == row.rider_person_id or desk)


async def _of_store(session: AsyncSession, actor: Actor, row: Any) -> Any:
    """For those who work in the store."""
    return _allowed(row, works_in(actor, row.company_id, row.store_id))


async def _recall(session: AsyncSession, actor: Actor, row: BatchRecall) -> BatchRecall:
    return await recalls.visible(session, actor=actor, recall_id=row.id)


async def _supplier(session: AsyncSession, actor: Actor, row: Supplier) -> Supplier:
    return _allowed(row, manages(actor, row.company_id))


async def _transfer(session: AsyncSession, actor: Actor, row: Transfer) -> Transfer:
    return await transfer_queries.visible(session, actor=actor, transfer_id=row.id)


async def _import(session: AsyncSession, actor: Actor, row: StockImport) -> StockImport:
    return await stock_imports.visible(session, actor=actor, import_id=row.id)


async def _upload(session: AsyncSession, actor: Actor, row: StockUpload) -> StockUpload:
    return _allowed(row, actor.person_id == row.person_id)


async def _endpoint(session: AsyncSession, actor: Actor, row: WebhookEndpoint) -> Any:
    return await webhook_endpoints.visible(session, actor=actor, endpoint_id=row.id)


async def _delivered(session: AsyncSession, actor: Actor, row: WebhookDelivery) -> Any:
    return await webhook_deliveries.visible(session, actor=actor, delivery_id=row.id)


async def _app(session: AsyncSession, actor: Actor, row: App) -> App:
    return await apps.visible(session, actor=actor, app_id=row.id)


def _allowed(row: Row, sees: bool) -> Row:
    if not sees:
        raise not_found(model_of(row), "id")
    return row


def _me(actor: Actor, model: type[Keyed]) -> UUID:
    if actor.person_id is None:
        raise not_found(model, "id")
    return actor.person_id


# Whoever sees the whole sees its parts, which link to it by this attribute.
PARTS: dict[type[Keyed], tuple[type[Keyed], str]] = {
    OrderLine: (Order, "order_id"),
    Payment: (Order, "order_id"),
    Substitute: (Order, "order_id"),
    Refund: (Order, "order_id"),
    GoodsReceipt: (PurchaseOrder, "purchase_order_id"),
    FulfillmentLine: (Fulfillment, "fulfillment_id"),
    TicketMessage: (Ticket, "ticket_id"),
    TransferLine: (Transfer, "transfer_id"),
}
SEEN_BY: dict[type[Keyed], See] = {
    Order: _order,
    Delivery: _delivery,
    DeliveryOffer: _offer,
    Fulfillment: _fulfillment,
    Ticket: _ticket,
    Address: _address,
    Person: _person,
    SignInSession: _device,
    Membership: _membership,
    Rider: _rider,
    StockBatch: _of_store,
    PurchaseOrder: _of_store,
    Supplier: _supplier,
    StockEntry: _of_store,
    CounterSale: _of_store,
    BatchRecall: _recall,
    PriceChange: _of_store,
    StockAlert: _of_store,
    Transfer: _transfer,
    StockCount: _of_store,
    StockImport: _import,
    StockSet: _of_store,
    StockUpload: _upload,
    App: _app,
    WebhookEndpoint: _endpoint,
    WebhookDelivery: _delivered,
}
NOUNS = frozenset(SEEN_BY) | frozenset(PARTS)
