"""Orders that show what can go wrong, made by the services that make all others.

Each is of a customer of its own, and a customer who has an order is left alone, so a second run
makes none. What the payment provider would report is said here.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.audit import AuditContext
from database.scope import PLATFORM
from database.sessions import Database
from gateways.payments.interface import DisputeResult, DisputeState, IntentState
from models.catalog import Listing, Product
from models.fulfillment import Fulfillment, FulfillmentLine
from models.identity import Actor, Grant, Role
from models.orders import FulfillmentMethod, Order, OrderCancelReason, OrderLine
from models.payments import Payment
from models.stock import StockLevel
from models.support import TicketCategory
from seed.bulk_load import stable_id
from seed.payment_reports import payment_report
from services.carts.baskets import OrderRequest, RequestedLine
from services.checkout import cancellation, order_changes, payment_outcomes
from services.checkout.change_pricing import ChangeRequest
from services.core.clock import current_time
from services.core.problems import DomainError
from services.fulfillment import fulfillments, picking, pickups
from services.fulfillment.picking import LinePick
from services.orders import order_locks
from services.payments import disputes, payments, provider_reports, stuck
from services.support import tickets
from workflows.checkout import place_order
from workflows.stock.reservation_batcher import ReservationBatcher

log = logging.getLogger("darkstore.seed")

ORIGIN = AuditContext("command:seed")
COMPANY, STORE = "harbour", 1
LINES, UNITS = 3, 2
MIN_STOCK, MIN_PRICE_MINOR = 24, 2_000
EVIDENCE_TIME = timedelta(days=10)


def _actor(email: str, role: Role, *, of_store: bool = False) -> Actor:
    company = stable_id("company", COMPANY) if of_store else None
    store = stable_id("store", COMPANY, STORE) if of_store else None
    return Actor(stable_id("person", email), grants=(Grant(role, company, store),))


PICKER = _actor("staff1.1@harbour.example", Role.STORE_STAFF, of_store=True)
MANAGER = _actor("manager1@harbour.example", Role.STORE_MANAGER, of_store=True)
AGENT = _actor("support1@darkstore.example", Role.SUPPORT_AGENT)


@dataclass(frozen=True)
class ExampleStore:
    """What placing an order needs, and products that are sold piece by piece and to everybody."""

    database: Database
    reservation_queue: ReservationBatcher
    products: Sequence[UUID]


async def make_examples(url: str) -> int:
    """Make the orders that are missing; returns how many.

    A store that was closed, paused or changed since it was made takes no orders: then there are
    fewer, and the log says why.
    """
    database = Database(url)
    queue = ReservationBatcher(database)
    queue.start()
    made = 0
    try:
        shop = ExampleStore(database, queue, await _products(database))
        for email, tell in EXAMPLES.items():
            customer = _actor(email, Role.CUSTOMER)
            if not await _has_order(database, customer):
                try:
                    order_id = await _place_paid(shop, customer)
                except DomainError as error:
                    log.warning("no order of %s: %s", email, error)
                    continue
                async with database.write(PLATFORM, ORIGIN) as session:
                    await tell(session, customer, order_id)
                made += 1
    finally:
        await queue.close()
        await database.close()
    return made


async def _products(database: Database) -> Sequence[UUID]:
    statement = (
        select(Listing.product_id)
        .join(Product, Product.id == Listing.product_id)
        .join(
            StockLevel,
            (StockLevel.store_id == Listing.store_id)
            & (StockLevel.product_id == Listing.product_id),
        )
        .where(
            Listing.store_id == stable_id("store", COMPANY, STORE),
            Listing.available,
            Listing.price_minor >= MIN_PRICE_MINOR,
            StockLevel.on_hand >= MIN_STOCK,
            Product.weighed.is_(False),
            Product.age_restricted.is_(False),
        )
        .order_by(Product.code)
        .limit(LINES)
    )
    async with database.read(PLATFORM) as session:
        return (await session.scalars(statement)).all()


async def _has_order(database: Database, customer: Actor) -> bool:
    own = select(Order.id).where(Order.customer_id == customer.person_id).limit(1)
    async with database.read(PLATFORM) as session:
        return await session.scalar(own) is not None


async def _place_paid(shop: ExampleStore, customer: Actor) -> UUID:
    """An order to be collected from the store, whose payment is authorized."""
    request = OrderRequest(
        method=FulfillmentMethod.PICKUP,
        store_id=stable_id("store", COMPANY, STORE),
        lines=tuple(RequestedLine(product, UNITS) for product in shop.products),
    )
    result = await place_order.place(shop, actor=customer, origin=ORIGIN, order_request=request)
    order_id: UUID = result.order.id
    async with shop.database.write(PLATFORM, ORIGIN) as session:
        await _report(session, order_id, IntentState.AUTHORIZED)
    return order_id


async def _report(session: AsyncSession, order_id: UUID, state: IntentState) -> None:
    """Store what the provider says: authorized in full, captured as charged, or voided."""
    order = await order_locks.lock(session, order_id)
    payment = await payments.lock_payment(session, order_id)
    intent = payment_report(payment, state, final_total_minor=order.final_total_minor or 0)
    await payment_outcomes.apply_payment_state(session, intent)
    await session.flush()


async def _pack(session: AsyncSession, order_id: UUID) -> Fulfillment:
    statement = select(Fulfillment).where(Fulfillment.order_id == order_id)
    fulfillment: Fulfillment = (await session.scalars(statement)).one()
    key: dict[str, Any] = {"actor": PICKER, "fulfillment_id": fulfillment.id}
    await fulfillments.accept(session, **key)
    lines = select(FulfillmentLine).where(FulfillmentLine.fulfillment_id == fulfillment.id)
    for line in (await session.scalars(lines)).all():
        await picking.pick_line(session, pick=LinePick(line.quantity, line.id), **key)
    return await picking.pack(session, bags=1, **key)


async def _collect(session: AsyncSession, order_id: UUID) -> None:
    """Pack the order, charge it and hand it over."""
    fulfillment = await _pack(session, order_id)
    await _report(session, order_id, IntentState.CAPTURED)
    key: dict[str, Any] = {"actor": MANAGER, "fulfillment_id": fulfillment.id}
    await fulfillments.stage(session, **key)
    order = await session.get_one(Order, order_id)
    await pickups.collect(session, code=order.delivery_pin, **key)


async def _changed_and_complained(session: AsyncSession, customer: Actor, order_id: UUID) -> None:
    """The customer takes a product off, and finds a unit missing; nobody has answered."""
    lines = select(OrderLine).where(OrderLine.order_id == order_id).order_by(OrderLine.position)
    kept = (await session.scalars(lines)).all()[1:]
    request = ChangeRequest(
        lines=tuple(RequestedLine(line.product_id, line.quantity) for line in kept)
    )
    await order_changes.request_change(session, actor=customer, order_id=order_id, request=request)
    await _collect(session, order_id)
    await _complain(session, customer, order_id, TicketCategory.ITEM_MISSING)


async def _answered(session: AsyncSession, customer: Actor, order_id: UUID) -> None:
    """An agent has taken the complaint, asked something, and waits for the customer."""
    await _collect(session, order_id)
    ticket_id = await _complain(session, customer, order_id, TicketCategory.ITEM_DAMAGED)
    await tickets.assign(session, actor=AGENT, ticket_id=ticket_id)
    await tickets.reply(
        session, actor=AGENT, ticket_id=ticket_id, body="I am sorry. What is damaged?"
    )


async def _complain(
    session: AsyncSession, customer: Actor, order_id: UUID, kind: TicketCategory
) -> UUID:
    ticket = await tickets.open_ticket(
        session,
        actor=customer,
        order_id=order_id,
        kind=kind,
        subject="Something is wrong with my bag",
        body="I have just unpacked it. Please have a look.",
    )
    return ticket.id


async def _disputed(session: AsyncSession, customer: Actor, order_id: UUID) -> None:
    """The cardholder's bank demands the money of a collected order back."""
    await _collect(session, order_id)
    order = await order_locks.lock(session, order_id)
    payment = await payments.lock_payment(session, order_id)
    now = await current_time(session)
    result = DisputeResult(
        id=f"dp_seed_{payment.id.hex}",
        state=DisputeState.NEEDS_RESPONSE,
        amount_minor=payment.captured_amount_minor,
        currency=payment.currency,
        intent_id=payment.intent_id,
        reason="product_not_received",
        evidence_due_at=now + EVIDENCE_TIME,
        opened_at=now,
    )
    await disputes.apply_disputes(session, order, payment, [result])


async def _put_back(session: AsyncSession, customer: Actor, order_id: UUID) -> None:
    """Support cancels a packed order: its units wait in the store for a person."""
    await _pack(session, order_id)
    await cancellation.cancel_order(
        session, actor=AGENT, order_id=order_id, reason=OrderCancelReason.OTHER
    )
    await session.flush()
    await _report(session, order_id, IntentState.VOIDED)


async def _stuck(session: AsyncSession, customer: Actor, order_id: UUID) -> None:
    """The customer cancels, and the provider does not answer: the void needs a person."""
    await cancellation.cancel_order(
        session, actor=customer, order_id=order_id, reason=OrderCancelReason.CHANGED_MIND
    )
    order = await order_locks.lock(session, order_id)
    payment: Payment = await payments.lock_payment(session, order_id)
    payment.tries = stuck.STUCK_AFTER_TRIES - 1
    await provider_reports.record_unavailable(session, order, payment, "No answer in 10 s.")


Tell = Callable[[AsyncSession, Actor, UUID], Awaitable[None]]
EXAMPLES: dict[str, Tell] = {
    "customer196@mail.example": _changed_and_complained,
    "customer197@mail.example": _answered,
    "customer198@mail.example": _disputed,
    "customer199@mail.example": _put_back,
    "customer200@mail.example": _stuck,
}
"""What happens to the order of each customer."""
