"""Another product for what is not there: proposed by the picker, decided by the customer.

A picker who found a line short may propose another product of the store. The customer is asked
live, on `orderTracked`, and has a minute; without an answer the wish that stands on the line
counts: REPLACE_SIMILAR takes it, ASK_ME does not, and REFUND wants no proposal at all. The
substitute never costs more than the units it stands for, so what is captured stays within what was
authorized. Its units leave the shelf with the proposal and go back when it is declined.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.carts import Substitution
from models.catalog import Listing, Product
from models.events import EventType
from models.fulfillment import (
    Fulfillment,
    FulfillmentAction,
    FulfillmentLine,
    FulfillmentLineStatus,
    FulfillmentStatus,
    Substitute,
    SubstituteAction,
    SubstituteStatus,
)
from models.identity import Actor
from models.orders import Order, OrderLine
from models.stock import PickedBatch, StockReason
from services.catalog import weights
from services.core.clock import moment
from services.core.problems import IllegalStep, InvalidInput, Problem, Refused, not_found
from services.core.text import line as one_line
from services.fulfillment.picking_states import Task, enter, under_lock
from services.fulfillment.stalled_tasks import stalls_at
from services.orders import orders
from services.stock import movements

ANSWER_SECONDS = 60
CODE_LENGTH = 64
SHORT = FulfillmentLineStatus.SHORT
STEPS = {action: frozenset({SubstituteStatus.PROPOSED}) for action in SubstituteAction}


@dataclass(frozen=True, slots=True, kw_only=True)
class SubstituteUnwanted(Problem):
    """The customer would rather have the money back for this line."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """For which line, by which product's barcode or code, and how many units of it.

    `grams` is what they weigh, where they are sold by weight.
    """

    line_id: UUID
    code: str
    quantity: int
    grams: int | None = None


def legal(row: Substitute, actor: Actor) -> list[SubstituteAction]:
    """What this person can answer: nothing but the customer, and nothing twice."""
    if actor.person_id != row.customer_id:
        return []
    return [action for action, states in STEPS.items() if row.status in states]


async def propose(
    session: AsyncSession,
    *,
    actor: Actor,
    fulfillment_id: UUID,
    proposal: Proposal,
    expected_version: int | None = None,
) -> Fulfillment:
    """Take a product off the shelf for what is missing of a line, and ask the customer.

    Refused: NotFound, IllegalStep unless the line is SHORT, VersionConflict, InvalidInput,
    SubstituteUnwanted, InsufficientStock, TooLight, TooHeavy.
    """
    action = FulfillmentAction.PICK_LINE
    task = await enter(session, actor, fulfillment_id, action, expected_version)
    line = next((one for one in task.lines if one.id == proposal.line_id), None)
    if line is None:
        raise not_found(FulfillmentLine, "lineId")
    if line.status is not SHORT:
        said = "Only a line that was found short can be made up for."
        path = ["input", "lineId"]
        raise Refused(IllegalStep(path=path, message=said, state=line.status, legal=[action]))
    ordered = await session.get_one(OrderLine, line.order_line_id)
    if ordered.substitution is Substitution.REFUND:
        said = "The customer would rather have the money back."
        raise Refused(SubstituteUnwanted(path=["input", "lineId"], message=said))
    offered = await _offered(session, task, line, proposal)
    row = await _taken(session, task, line, ordered, offered, proposal, actor)
    line.status = FulfillmentLineStatus.SUBSTITUTE_PROPOSED
    fulfillment = task.fulfillment
    fulfillment.status = FulfillmentStatus.AWAITING_SUBSTITUTION
    fulfillment.due_at = stalls_at(task)
    fulfillment.version += 1
    _tell(session, task, EventType.SUBSTITUTE_PROPOSED, row)
    await session.flush()
    return fulfillment


async def _offered(
    session: AsyncSession, task: Task, line: FulfillmentLine, proposal: Proposal
) -> tuple[Product, Listing]:
    """The product that was scanned, and how the store sells it."""
    code = one_line(proposal.code, "input", "code", most=CODE_LENGTH, least=1)
    if not 1 <= proposal.quantity <= line.missing_quantity:
        said = f"Between 1 and {line.missing_quantity} units are missing of this line."
        raise Refused(InvalidInput(path=["input", "quantity"], message=said))
    here = (Listing.product_id == Product.id) & (Listing.store_id == task.fulfillment.store_id)
    found = (
        await session.execute(
            select(Product, Listing)
            .join(Listing, here)
            .where(or_(Product.barcode == code, Product.code == code))
            .order_by(Product.id)
            .limit(1)
        )
    ).first()
    if found is None:
        raise not_found(Product, "code")
    if found[0].id == line.product_id:
        said = "That is what was ordered: say that it was found."
        raise Refused(InvalidInput(path=["input", "code"], message=said))
    return found[0], found[1]


async def _taken(
    session: AsyncSession,
    task: Task,
    line: FulfillmentLine,
    ordered: OrderLine,
    offered: tuple[Product, Listing],
    proposal: Proposal,
    actor: Actor,
) -> Substitute:
    """The proposal, its units taken off the shelf."""
    product, listing = offered
    kilo = listing.kilo_price_minor
    grams = weights.on_scale(listing.unit_grams, proposal.quantity, proposal.grams, "grams")
    most_minor = proposal.quantity * min(listing.price_minor, ordered.unit_price_minor)
    weighed_minor = most_minor if kilo is None or grams is None else weights.cost(kilo, grams)
    row = Substitute(
        company_id=line.company_id,
        customer_id=line.customer_id,
        store_id=line.store_id,
        order_id=task.order.id,
        fulfillment_id=line.fulfillment_id,
        fulfillment_line_id=line.id,
        order_line_id=ordered.id,
        product_id=product.id,
        name=product.name,
        currency=ordered.currency,
        quantity=proposal.quantity,
        grams=grams,
        unit_price_minor=listing.price_minor,
        total_minor=min(weighed_minor, most_minor),
        status=SubstituteStatus.PROPOSED,
        due_at=await moment(session, ANSWER_SECONDS),
        proposed_by_id=actor.person_id,
    )
    session.add(row)
    await _ship(session, row)
    return row


async def _ship(session: AsyncSession, row: Substitute) -> None:
    """Take its units off the shelf, and note of which batches they are."""
    try:
        shipped = await movements.ship(
            session,
            company_id=row.company_id,
            store_id=row.store_id,
            lines={row.product_id: row.quantity},
            reason=StockReason.SALE,
            reference=str(row.order_id),
            actor_id=row.proposed_by_id,
        )
    except Refused as refused:
        at = ["input", "quantity"]
        raise Refused(*(replace(one, path=at) for one in refused.reasons)) from None
    for one in shipped:
        if one.batch_id is not None:
            await _note(session, row, one.batch_id, one.quantity)


async def _note(session: AsyncSession, row: Substitute, batch_id: UUID, units: int) -> None:
    pick = await session.get(PickedBatch, (row.fulfillment_line_id, batch_id))
    if pick is None:
        pick = PickedBatch(
            fulfillment_line_id=row.fulfillment_line_id,
            batch_id=batch_id,
            order_id=row.order_id,
            company_id=row.company_id,
            store_id=row.store_id,
            product_id=row.product_id,
            quantity=0,
        )
        session.add(pick)
    pick.quantity += units


async def answer(
    session: AsyncSession, *, actor: Actor, substitute_id: UUID, accept: bool
) -> Substitute:
    """The customer's word on a proposal. Refused: NotFound, IllegalStep when it is decided."""
    order_id = await session.scalar(
        select(Substitute.order_id).where(
            Substitute.id == substitute_id, Substitute.customer_id == actor.person_id
        )
    )
    if order_id is None:
        raise not_found(Substitute, "substituteId")
    order = await orders.lock(session, order_id)
    row = await session.get_one(Substitute, substitute_id, populate_existing=True)
    action = SubstituteAction.ACCEPT if accept else SubstituteAction.DECLINE
    steps = legal(row, actor)
    if action not in steps:
        said = f"It is {row.status} already."
        path = ["input", "substituteId"]
        raise Refused(IllegalStep(path=path, message=said, state=row.status, legal=[*steps]))
    await _decide(session, order, row, accept, actor.person_id)
    return row


async def overdue(session: AsyncSession, limit: int) -> Sequence[UUID]:
    """Proposals whose minute is over, the oldest first."""
    late = select(Substitute.id).where(Substitute.due_at <= func.clock_timestamp())
    return (await session.scalars(late.order_by(Substitute.due_at).limit(limit))).all()


async def time_out(session: AsyncSession, substitute_id: UUID) -> bool:
    """Let the wish on the line decide a proposal that nobody answered; False when it is decided."""
    seen = await session.get_one(Substitute, substitute_id)
    order = await orders.lock(session, seen.order_id)
    row = await session.get_one(Substitute, substitute_id, populate_existing=True)
    if row.status is not SubstituteStatus.PROPOSED:
        return False
    wish = await session.scalar(
        select(OrderLine.substitution).where(OrderLine.id == row.order_line_id)
    )
    await _decide(session, order, row, wish is Substitution.REPLACE_SIMILAR, None)
    return True


async def _decide(
    session: AsyncSession, order: Order, row: Substitute, accept: bool, actor_id: UUID | None
) -> None:
    task = await under_lock(session, order, row.fulfillment_id)
    line = next(one for one in task.lines if one.id == row.fulfillment_line_id)
    row.due_at, row.answered_at = None, task.now
    row.status = SubstituteStatus.ACCEPTED if accept else SubstituteStatus.DECLINED
    decided = FulfillmentLineStatus
    line.status = decided.SUBSTITUTED if accept else decided.DECLINED
    if not any(one.status is decided.SUBSTITUTE_PROPOSED for one in task.lines):
        task.fulfillment.status = FulfillmentStatus.PICKING
    task.fulfillment.due_at = stalls_at(task)
    task.fulfillment.version += 1
    told = EventType.SUBSTITUTE_ACCEPTED if accept else EventType.SUBSTITUTE_DECLINED
    _tell(session, task, told, row)
    await session.flush()
    if not accept:
        back = {row.product_id: row.quantity}
        why = StockReason.RESTOCK
        await movements.restock(session, order, back, why, actor_id, line_id=line.id)


def _tell(session: AsyncSession, task: Task, type: EventType, row: Substitute) -> None:
    task.tell(
        session,
        type,
        substitute_id=row.id,
        line_id=row.fulfillment_line_id,
        product_id=row.product_id,
        amount_minor=row.total_minor,
    )
