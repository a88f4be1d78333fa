"""Reads rows of any node type by key; a table assigns each model its visibility rule."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.base import Entity
from database.rows import model_of
from models.accounts import Address, Invitation, Membership, User
from models.alerts import StockAlert
from models.catalog import ScheduledPrice
from models.counter_sales import PosSale
from models.counting import StockCount
from models.delivery import Delivery, DeliveryOffer
from models.files import File
from models.fulfillment import Fulfillment, FulfillmentLine, PutBackLine, Substitution
from models.identity import Actor, SignInSession
from models.imports import StockBulkUpdate, StockImport, StockImportFile
from models.integrations import App, WebhookDelivery, WebhookEndpoint
from models.orders import Order, OrderChange, OrderLine
from models.payments import Dispute, Payment, Refund
from models.purchasing import GoodsReceipt, PurchaseOrder, Supplier
from models.riders import Rider
from models.stock import BatchRecall, StockBatch, StockMovement
from models.support import Ticket, TicketMessage
from models.transfers import StockTransfer, StockTransferLine
from services.accounts import (
    addresses,
    invitation_answers,
    invitation_states,
    memberships,
    people,
)
from services.core.access import may_operate_store
from services.core.problems import DomainError, not_found
from services.delivery import deliveries, delivery_parties, rider_access
from services.files import uploads
from services.fulfillment import fulfillments
from services.imports import stock_imports
from services.integrations import apps, webhook_deliveries, webhook_endpoints
from services.payments import disputes
from services.purchasing.suppliers import may_manage_suppliers
from services.stock import recalls
from services.support import ticket_queries
from services.transfers import transfer_queries

Row = TypeVar("Row", bound=Entity)
VisibilityRule = Callable[[AsyncSession, Actor, Any], Awaitable[Any]]


async def visible_nodes(
    session: AsyncSession, *, actor: Actor, model: type[Entity], keys: Collection[UUID]
) -> dict[UUID, Any]:
    """The rows that the actor may see, by key: one statement, and one more for their parents.

    Each model's own rule decides; invisible and missing rows are left out.
    """
    # The session's identity map keeps the rows: a rule's `session.get` needs no statement.
    rows: Sequence[Any] = (await session.scalars(select(model).where(model.id.in_(keys)))).all()
    if model in PARENTS:
        parent_model, link = PARENTS[model]
        parent_ids = {getattr(row, link) for row in rows}
        parents = await visible_nodes(session, actor=actor, model=parent_model, keys=parent_ids)
        return {row.id: row for row in rows if getattr(row, link) in parents}
    visible: dict[UUID, Any] = {}
    for row in rows:
        with suppress(DomainError):
            visible[row.id] = await VISIBILITY_RULES[model](session, actor, row)
    return visible


async def _order(session: AsyncSession, actor: Actor, row: Order) -> Order:
    return row  # row-level security of the actor's scope is the whole rule


async def _delivery(session: AsyncSession, actor: Actor, row: Delivery) -> Delivery:
    return await deliveries.visible_delivery(session, actor=actor, delivery_id=row.id)


async def _fulfillment(session: AsyncSession, actor: Actor, row: Fulfillment) -> Fulfillment:
    return await fulfillments.visible_fulfillment(session, actor=actor, fulfillment_id=row.id)


async def _ticket(session: AsyncSession, actor: Actor, row: Ticket) -> Ticket:
    return await ticket_queries.visible_ticket(session, actor=actor, ticket_id=row.id)


async def _dispute(session: AsyncSession, actor: Actor, row: Dispute) -> Dispute:
    return await disputes.visible_dispute(session, actor=actor, dispute_id=row.id)


async def _address(session: AsyncSession, actor: Actor, row: Address) -> Address:
    return await addresses.get_address(session, _own_person_id(actor, Address), row.id)


async def _person(session: AsyncSession, actor: Actor, row: User) -> User:
    return _visible_if(row, actor.person_id == row.id)


async def _device(session: AsyncSession, actor: Actor, row: SignInSession) -> people.DeviceSession:
    """For its owner, until it is revoked."""
    _visible_if(row, actor.person_id == row.person_id and row.revoked_at is None)
    return people.DeviceSession(row, row.id == actor.session_id)


async def _membership(session: AsyncSession, actor: Actor, row: Membership) -> Membership:
    """For its holder and those who may grant the role, until it is revoked."""
    scope = memberships.RoleScope(company_id=row.company_id, store_id=row.store_id)
    may_grant = row.role in memberships.grantable_roles(actor, scope)
    is_holder = actor.person_id == row.person_id
    return _visible_if(row, row.revoked_at is None and (is_holder or may_grant))


async def _invitation(session: AsyncSession, actor: Actor, row: Invitation) -> Invitation:
    """For the invited and those who may grant the role."""
    is_invited = await invitation_answers.is_invited(session, actor, row)
    return _visible_if(row, is_invited or invitation_states.may_manage(row, actor))


async def _rider(session: AsyncSession, actor: Actor, row: Rider) -> Rider:
    live_delivery = None
    if row.live_delivery_id is not None:
        live_delivery = await session.get(Delivery, row.live_delivery_id)
    return _visible_if(row, rider_access.can_see_rider(actor, row, live_delivery))


async def _offer(session: AsyncSession, actor: Actor, row: DeliveryOffer) -> DeliveryOffer:
    is_staff = actor.has_store_role(
        row.company_id, row.store_id, delivery_parties.STORE_AND_SUPPORT_ROLES
    )
    return _visible_if(row, actor.person_id == row.rider_person_id or is_staff)


async def _of_store(session: AsyncSession, actor: Actor, row: Any) -> Any:
    """For the staff of the store."""
    return _visible_if(row, may_operate_store(actor, row.company_id, row.store_id))


async def _recall(session: AsyncSession, actor: Actor, row: BatchRecall) -> BatchRecall:
    return await recalls.visible_recall(session, actor=actor, recall_id=row.id)


async def _supplier(session: AsyncSession, actor: Actor, row: Supplier) -> Supplier:
    return _visible_if(row, may_manage_suppliers(actor, row.company_id))


async def _transfer(session: AsyncSession, actor: Actor, row: StockTransfer) -> StockTransfer:
    return await transfer_queries.visible_transfer(session, actor=actor, transfer_id=row.id)


async def _import(session: AsyncSession, actor: Actor, row: StockImport) -> StockImport:
    return await stock_imports.visible_import(session, actor=actor, import_id=row.id)


async def _upload(session: AsyncSession, actor: Actor, row: StockImportFile) -> StockImportFile:
    return _visible_if(row, actor.person_id == row.person_id)


async def _file(session: AsyncSession, actor: Actor, row: File) -> File:
    return await uploads.visible_file(session, actor=actor, file_id=row.id)


async def _webhook_endpoint(session: AsyncSession, actor: Actor, row: WebhookEndpoint) -> Any:
    return await webhook_endpoints.visible_endpoint(session, actor=actor, endpoint_id=row.id)


async def _webhook_delivery(session: AsyncSession, actor: Actor, row: WebhookDelivery) -> Any:
    return await webhook_deliveries.visible_delivery(session, actor=actor, delivery_id=row.id)


async def _app(session: AsyncSession, actor: Actor, row: App) -> App:
    return await apps.visible_app(session, actor=actor, app_id=row.id)


def _visible_if(row: Row, is_visible: bool) -> Row:
    if not is_visible:
        raise not_found(model_of(row), "id")
    return row


def _own_person_id(actor: Actor, model: type[Entity]) -> UUID:
    if actor.person_id is None:
        raise not_found(model, "id")
    return actor.person_id


# A row is visible to whoever sees its parent, to which this attribute links.
PARENTS: dict[type[Entity], tuple[type[Entity], str]] = {
    OrderChange: (Order, "order_id"),
    OrderLine: (Order, "order_id"),
    Payment: (Order, "order_id"),
    Substitution: (Order, "order_id"),
    Refund: (Order, "order_id"),
    GoodsReceipt: (PurchaseOrder, "purchase_order_id"),
    FulfillmentLine: (Fulfillment, "fulfillment_id"),
    PutBackLine: (Fulfillment, "fulfillment_id"),
    TicketMessage: (Ticket, "ticket_id"),
    StockTransferLine: (StockTransfer, "transfer_id"),
}
VISIBILITY_RULES: dict[type[Entity], VisibilityRule] = {
    Order: _order,
    Delivery: _delivery,
    DeliveryOffer: _offer,
    Fulfillment: _fulfillment,
    Ticket: _ticket,
    Dispute: _dispute,
    Address: _address,
    User: _person,
    SignInSession: _device,
    Membership: _membership,
    Invitation: _invitation,
    Rider: _rider,
    StockBatch: _of_store,
    PurchaseOrder: _of_store,
    Supplier: _supplier,
    StockMovement: _of_store,
    PosSale: _of_store,
    BatchRecall: _recall,
    ScheduledPrice: _of_store,
    StockAlert: _of_store,
    StockTransfer: _transfer,
    StockCount: _of_store,
    StockImport: _import,
    StockBulkUpdate: _of_store,
    StockImportFile: _upload,
    File: _file,
    App: _app,
    WebhookEndpoint: _webhook_endpoint,
    WebhookDelivery: _webhook_delivery,
}
NODE_MODELS = frozenset(VISIBILITY_RULES) | frozenset(PARENTS)
