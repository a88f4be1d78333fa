"""Disputes of captured payments, as the provider reports them.

Callers hold the locks of the order and of the payment. The evidence is sent in the provider's
dashboard; here the money is accounted for, and support and the company are told.
"""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from gateways.payments.interface import DisputeResult
from models.events import OrderEventKind
from models.identity import Actor, Role
from models.money import amount_text
from models.orders import Order, OrderStatus
from models.payments import Dispute, DisputeStatus, Payment
from models.support import TicketCategory
from services.core.access import SUPPORT_ROLES
from services.core.clock import current_time
from services.core.problems import not_found
from services.events.event_log import record_order_event
from services.orders import support_cases
from services.payments import refunds
from services.payments.payment_states import (
    DISPUTE_MACHINE,
    OPEN_DISPUTE_STATUSES,
    STATUS_OF_DISPUTE,
    refresh_captured_status,
)

POLL_SECONDS = 6 * 3_600
VISIBLE_TO_ROLES = SUPPORT_ROLES | {Role.COMPANY_ADMIN}
EVENT_OF_STATUS = {
    DisputeStatus.NEEDS_RESPONSE: OrderEventKind.DISPUTE_CHANGED,
    DisputeStatus.UNDER_REVIEW: OrderEventKind.DISPUTE_CHANGED,
    DisputeStatus.WON: OrderEventKind.DISPUTE_WON,
    DisputeStatus.LOST: OrderEventKind.DISPUTE_LOST,
}


def may_see(actor: Actor, company_id: UUID) -> bool:
    """Whether the actor may see the disputes of a company: its admins, and support."""
    return actor.has_company_role(company_id, VISIBLE_TO_ROLES)


async def visible_dispute(session: AsyncSession, *, actor: Actor, dispute_id: UUID) -> Dispute:
    """The dispute, for the company and for support. Raises DomainError: NotFound."""
    dispute = await session.get(Dispute, dispute_id)
    if dispute is None or not may_see(actor, dispute.company_id):
        raise not_found(Dispute, "id")
    return dispute


async def apply_disputes(
    session: AsyncSession, order: Order, payment: Payment, results: Sequence[DisputeResult]
) -> None:
    """Store the provider's disputes of one captured payment; unknown ones get a row."""
    for result in results:
        await _apply(session, order, payment, result)


async def _apply(
    session: AsyncSession, order: Order, payment: Payment, result: DisputeResult
) -> None:
    dispute = await session.scalar(
        select(Dispute).where(Dispute.provider_dispute_id == result.id).with_for_update()
    )
    if dispute is None:
        dispute = await _open(session, order, payment, result)
    dispute.amount_minor, dispute.evidence_due_at = result.amount_minor, result.evidence_due_at
    status = STATUS_OF_DISPUTE[result.state]
    if status is not dispute.status and status in DISPUTE_MACHINE.reachable(dispute.status):
        DISPUTE_MACHINE.move(dispute, status)
        await _refresh_payment(session, payment)
        _record_change(session, order, dispute, EVENT_OF_STATUS[status])
        if status not in OPEN_DISPUTE_STATUSES:
            dispute.closed_at = await current_time(session)
            await _close_case(session, order, payment, dispute)
    still_open = dispute.status in OPEN_DISPUTE_STATUSES
    dispute.due_at = await current_time(session, POLL_SECONDS) if still_open else None
    await _refresh_payment(session, payment)


async def _open(
    session: AsyncSession, order: Order, payment: Payment, result: DisputeResult
) -> Dispute:
    dispute = Dispute(
        payment_id=payment.id,
        order_id=order.id,
        company_id=order.company_id,
        provider_dispute_id=result.id,
        amount_minor=result.amount_minor,
        currency=result.currency,
        reason=result.reason,
        evidence_due_at=result.evidence_due_at,
        opened_at=result.opened_at,
    )
    session.add(dispute)
    await _refresh_payment(session, payment)
    _record_change(session, order, dispute, OrderEventKind.DISPUTE_OPENED)
    disputed = amount_text(result.amount_minor, result.currency)
    subject = f"The bank disputes {disputed}: {result.reason}"
    due = f"{result.evidence_due_at:%Y-%m-%d %H:%M} UTC" if result.evidence_due_at else "unknown"
    details = f"Send the evidence in the provider's dashboard. Deadline of the bank: {due}."
    await support_cases.open_case(
        session, order, TicketCategory.DISPUTE, subject, details, cause_id=dispute.id
    )
    return dispute


async def _close_case(
    session: AsyncSession, order: Order, payment: Payment, dispute: Dispute
) -> None:
    """Close the case, unless the money that was won back still has to be refunded by a person."""
    owed_minor = await refunds.refundable_minor(session, payment)
    won = dispute.status is DisputeStatus.WON
    if won and order.status is OrderStatus.CANCELED and owed_minor > 0:
        return
    resolution = f"The dispute was {'won' if won else 'lost'}."
    await support_cases.close_case(
        session, order, TicketCategory.DISPUTE, resolution, cause_id=dispute.id
    )


async def _refresh_payment(session: AsyncSession, payment: Payment) -> None:
    """Store in the payment what of it is disputed, and the status that follows."""
    await session.flush()
    rows = await session.execute(
        select(Dispute.status, func.sum(Dispute.amount_minor))
        .where(Dispute.payment_id == payment.id)
        .group_by(Dispute.status)
    )
    sums: dict[DisputeStatus, int] = {status: int(amount) for status, amount in rows}
    statuses = [*OPEN_DISPUTE_STATUSES, DisputeStatus.LOST, DisputeStatus.WON]
    payment.dispute_status = next((one for one in statuses if one in sums), None)
    disputed_amount_minor = sum(sums.values()) - sums.get(DisputeStatus.WON, 0)
    payment.disputed_amount_minor = min(disputed_amount_minor, payment.captured_amount_minor)
    refresh_captured_status(payment)


def _record_change(
    session: AsyncSession, order: Order, dispute: Dispute, type: OrderEventKind
) -> None:
    record_order_event(
        session,
        order,
        type,
        dispute_id=dispute.id,
        amount_minor=dispute.amount_minor,
        reason=dispute.reason,
        evidence_due_at=dispute.evidence_due_at,
    )
