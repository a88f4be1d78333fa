"""Substitutes for missing units: proposed by the picker, decided by the customer.

A picker who found a line short may propose another product of the store. The customer is asked on
`orderTracked` and has the store's `substitute_answer_seconds`. Without an answer the substitution
preference of the line decides: REPLACE_SIMILAR accepts, ASK_ME declines; lines with REFUND take no
proposal. A substitute never costs more than the units it replaces, so the captured amount stays
within the authorized one. Its units leave the stock with the proposal and return when it is
declined.
"""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.statements import prepared
from models.carts import SubstitutionPreference
from models.catalog import Listing, Product
from models.events import OrderEventKind
from models.fulfillment import (
    Fulfillment,
    FulfillmentAction,
    FulfillmentLine,
    FulfillmentLineStatus,
    FulfillmentStatus,
    Substitution,
    SubstitutionAction,
    SubstitutionStatus,
)
from models.identity import Actor
from models.message_text import count_text
from models.orders import Order, OrderLine
from models.stock import StockMovementReason
from models.timers import CompanyTimers
from services import companies
from services.carts.age_restrictions import age_problems
from services.catalog import code_lookup, weights
from services.core.problems import DomainError, InvalidInput, Problem, not_found
from services.core.state_machine import illegal_step
from services.fulfillment import substitute_states
from services.fulfillment.fulfillment_states import (
    MACHINE,
    PickingTask,
    begin,
    load_task,
)
from services.fulfillment.line_states import LINE_MACHINE
from services.fulfillment.substitute_stock import issue_substitute_units
from services.fulfillment.task_timers import idle_deadline
from services.orders import order_locks
from services.stock import movements

SHORT = FulfillmentLineStatus.SHORT
PROPOSED = FulfillmentLineStatus.SUBSTITUTION_PROPOSED
LINE_STATUS = prepared(
    select(FulfillmentLine.status).where(FulfillmentLine.id == bindparam("line"))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SubstitutionNotAllowed(Problem):
    """The customer prefers a refund to a substitute for this line."""


@dataclass(frozen=True, slots=True)
class SubstituteProposal:
    """The line to replace units of, the barcode or code of the substitute, and the number of units.

    `grams` is their weight, for products sold by weight.
    """

    line_id: UUID
    code: str
    quantity: int
    grams: int | None = None


async def propose(
    session: AsyncSession,
    *,
    actor: Actor,
    fulfillment_id: UUID,
    proposal: SubstituteProposal,
    expected_version: int | None = None,
) -> Fulfillment:
    """Take units of a product from stock in place of missing units, and ask the customer.

    Raises DomainError: NotFound, InvalidTransition unless the line is SHORT, VersionConflict,
    InvalidInput, AmbiguousProductCode, SubstitutionNotAllowed, InsufficientStock, TooLight,
    TooHeavy.
    """
    action = FulfillmentAction.PICK_LINE
    task = await begin(session, actor, fulfillment_id, action, expected_version)
    line = next((candidate for candidate in task.lines if candidate.id == proposal.line_id), None)
    if line is None:
        raise not_found(FulfillmentLine, "lineId")
    if line.status is not SHORT:
        message = "Only a line that was found short can be made up for."
        raise illegal_step("input", "lineId", message=message, state=line.status, legal=[action])
    order_line = await session.get_one(OrderLine, line.order_line_id)
    if order_line.substitution_preference is SubstitutionPreference.REFUND:
        message = "The customer would rather have the money back."
        raise DomainError(SubstitutionNotAllowed(path=["input", "lineId"], message=message))
    offer = await _find_offer(session, task, line, proposal)
    timers = await companies.read_timers(session, line.store_id)
    substitute = await _create_substitute(
        session, task, line, order_line, offer, proposal, actor, timers
    )
    LINE_MACHINE.set_status(line, FulfillmentLineStatus.SUBSTITUTION_PROPOSED)
    fulfillment = task.fulfillment
    MACHINE.move(fulfillment, FulfillmentStatus.AWAITING_SUBSTITUTION)
    fulfillment.next_step_due_at = task.now + timedelta(seconds=timers.picking_idle_seconds)
    _record_change(session, task, OrderEventKind.SUBSTITUTION_PROPOSED, substitute)
    await session.flush()
    return fulfillment


async def _find_offer(
    session: AsyncSession, task: PickingTask, line: FulfillmentLine, proposal: SubstituteProposal
) -> tuple[Product, Listing]:
    """The product with the given code and its listing in the store."""
    if not 1 <= proposal.quantity <= line.missing_quantity:
        message = f"Missing of this line: {count_text(line.missing_quantity, 'unit')}."
        raise DomainError(InvalidInput(path=["input", "quantity"], message=message))
    listed_here = (Listing.product_id == Product.id) & (
        Listing.store_id == task.fulfillment.store_id
    )
    company_id = task.fulfillment.company_id
    found = await code_lookup.find_product(
        session, company_id, proposal.code, "input", "scannedCode"
    )
    query = select(Product, Listing).join(Listing, listed_here)
    row = (await session.execute(query.where(Product.id == found.product_id))).first()
    if row is None:
        raise not_found(Product, "code")
    restricted = [row[0].id] if row[0].age_restricted else []
    message = "the customer has not confirmed their age."
    if unasked := age_problems(
        restricted, task.order.minimum_age, "input", "scannedCode", message=message
    ):
        raise DomainError(*unasked)
    if row[0].id == line.product_id:
        message = "That is what was ordered: say that it was found."
        raise DomainError(InvalidInput(path=["input", "scannedCode"], message=message))
    return row[0], row[1]


async def _create_substitute(
    session: AsyncSession,
    task: PickingTask,
    line: FulfillmentLine,
    order_line: OrderLine,
    offer: tuple[Product, Listing],
    proposal: SubstituteProposal,
    actor: Actor,
    timers: CompanyTimers,
) -> Substitution:
    """Create the proposal and take its units from stock."""
    product, listing = offer
    each_grams = listing.average_weight_grams
    grams = weights.validate_grams(each_grams, proposal.quantity, proposal.grams, "weightGrams")
    max_minor = proposal.quantity * min(listing.price_minor, order_line.unit_price_minor)
    weighed_minor = max_minor
    if listing.price_per_kilogram_minor is not None and grams is not None:
        weighed_minor = weights.weight_price(listing.price_per_kilogram_minor, grams)
    substitute = Substitution(
        company_id=line.company_id,
        customer_id=line.customer_id,
        store_id=line.store_id,
        order_id=task.order.id,
        fulfillment_id=line.fulfillment_id,
        fulfillment_line_id=line.id,
        order_line_id=order_line.id,
        product_id=product.id,
        name=product.name,
        currency=order_line.currency,
        quantity=proposal.quantity,
        weight_grams=grams,
        unit_price_minor=listing.price_minor,
        total_minor=min(weighed_minor, max_minor),
        status=SubstitutionStatus.PROPOSED,
        answer_due_at=task.now + timedelta(seconds=timers.substitute_answer_seconds),
        proposed_by_id=actor.person_id,
    )
    session.add(substitute)
    await issue_substitute_units(session, substitute)
    return substitute


async def answer(
    session: AsyncSession, *, actor: Actor, substitute_id: UUID, accept: bool
) -> Substitution:
    """Accept or decline a proposal as the customer.

    Raises DomainError: NotFound, InvalidTransition when it is decided already, or its line is.
    """
    order_id = await session.scalar(
        select(Substitution.order_id).where(
            Substitution.id == substitute_id, Substitution.customer_id == actor.person_id
        )
    )
    if order_id is None:
        raise not_found(Substitution, "substitutionId")
    order = await order_locks.lock(session, order_id)
    substitute = await session.get_one(Substitution, substitute_id, populate_existing=True)
    action = SubstitutionAction.ACCEPT if accept else SubstitutionAction.DECLINE
    substitute_states.MACHINE.check(substitute, actor, action)
    if await session.scalar(LINE_STATUS, {"line": substitute.fulfillment_line_id}) != PROPOSED:
        message = "Its line does not wait for an answer any more."
        raise illegal_step("input", "substitutionId", message=message, state=substitute.status)
    await _decide(session, order, substitute, accept, actor.person_id)
    return substitute


OVERDUE_PROPOSALS = (
    select(Substitution.id)
    .where(Substitution.answer_due_at <= func.clock_timestamp())
    .order_by(Substitution.answer_due_at, Substitution.id)
)
"""Proposals without an answer in time, the oldest first."""


async def time_out(session: AsyncSession, substitute_id: UUID) -> bool:
    """Decide an unanswered proposal by the preference of its line; False when decided.

    A proposal whose line waits for no answer any more is declined, and its units return.
    """
    unlocked = await session.get_one(Substitution, substitute_id)
    order = await order_locks.lock(session, unlocked.order_id)
    substitute = await session.get_one(Substitution, substitute_id, populate_existing=True)
    if substitute.status is not SubstitutionStatus.PROPOSED:
        return False
    preference = await session.scalar(
        select(OrderLine.substitution_preference).where(OrderLine.id == substitute.order_line_id)
    )
    is_open = (
        await session.scalar(LINE_STATUS, {"line": substitute.fulfillment_line_id}) == PROPOSED
    )
    accept = is_open and preference is SubstitutionPreference.REPLACE_SIMILAR
    await _decide(session, order, substitute, accept, None)
    return True


async def _decide(
    session: AsyncSession,
    order: Order,
    substitute: Substitution,
    accept: bool,
    actor_id: UUID | None,
) -> None:
    task = await load_task(session, order, substitute.fulfillment_id)
    line = next(
        candidate for candidate in task.lines if candidate.id == substitute.fulfillment_line_id
    )
    substitute.answer_due_at, substitute.answered_at = None, task.now
    answer = SubstitutionStatus.ACCEPTED if accept else SubstitutionStatus.DECLINED
    substitute_states.MACHINE.set_status(substitute, answer)
    if line.status is PROPOSED:
        statuses = FulfillmentLineStatus
        LINE_MACHINE.set_status(line, statuses.SUBSTITUTED if accept else statuses.DECLINED)
    await _continue_picking(session, task)
    event_type = (
        OrderEventKind.SUBSTITUTION_ACCEPTED if accept else OrderEventKind.SUBSTITUTION_DECLINED
    )
    _record_change(session, task, event_type, substitute)
    await session.flush()
    if not accept:
        units = {substitute.product_id: substitute.quantity}
        reason = StockMovementReason.RESTOCK
        await movements.restock(session, order, units, reason, actor_id, line_id=line.id)


async def _continue_picking(session: AsyncSession, task: PickingTask) -> None:
    """Let the picker go on when no line waits for an answer."""
    fulfillment = task.fulfillment
    is_waiting = fulfillment.status is FulfillmentStatus.AWAITING_SUBSTITUTION
    if is_waiting and not any(candidate.status is PROPOSED for candidate in task.lines):
        MACHINE.set_status(fulfillment, FulfillmentStatus.PICKING)
    fulfillment.next_step_due_at = await idle_deadline(session, task)
    fulfillment.version += 1


def _record_change(
    session: AsyncSession, task: PickingTask, type: OrderEventKind, substitute: Substitution
) -> None:
    task.record_change(
        session,
        type,
        substitute_id=substitute.id,
        line_id=substitute.fulfillment_line_id,
        product_id=substitute.product_id,
        amount_minor=substitute.total_minor,
    )
