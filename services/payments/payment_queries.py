"""Lists for operators and support: payments and refunds that need a person, and disputes."""

from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.companies import Company
from models.identity import Actor, Role
from models.payments import Dispute, Payment, Refund
from services.core.access import SUPPORT_ROLES
from services.core.pages import Page, build_page, check_page_size, decode_cursor
from services.core.problems import not_found
from services.payments.disputes import VISIBLE_TO_ROLES
from services.payments.payment_states import OPEN_DISPUTE_STATUSES

Row = TypeVar("Row", Payment, Refund, Dispute)


async def stuck_payments(
    session: AsyncSession, *, actor: Actor, first: int, cursor: str | None, company_id: UUID | None
) -> Page[Payment]:
    """A page of the payments that need a person, the oldest first, except of the actor's orders.

    Raises DomainError: InvalidInput, NotFound for a company that the actor does not serve.
    """
    rows = select(Payment).where(
        Payment.stuck_at.is_not(None), Payment.customer_id != actor.person_id
    )
    return await _page(session, rows, Payment, actor, SUPPORT_ROLES, first, cursor, company_id)


async def stuck_refunds(
    session: AsyncSession, *, actor: Actor, first: int, cursor: str | None, company_id: UUID | None
) -> Page[Refund]:
    """A page of the refunds that need a person, the oldest first, except of the actor's orders.

    Raises DomainError: InvalidInput, NotFound for a company that the actor does not serve.
    """
    rows = select(Refund).where(Refund.stuck_at.is_not(None), Refund.customer_id != actor.person_id)
    return await _page(session, rows, Refund, actor, SUPPORT_ROLES, first, cursor, company_id)


async def disputes(
    session: AsyncSession,
    *,
    actor: Actor,
    first: int,
    cursor: str | None,
    company_id: UUID | None,
    open_only: bool,
) -> Page[Dispute]:
    """A page of the disputes of the companies that the actor serves or runs, the oldest first.

    Raises DomainError: InvalidInput, NotFound for another company.
    """
    rows = select(Dispute)
    if open_only:
        rows = rows.where(Dispute.status.in_(OPEN_DISPUTE_STATUSES))
    return await _page(session, rows, Dispute, actor, VISIBLE_TO_ROLES, first, cursor, company_id)


async def _page(
    session: AsyncSession,
    rows: Select[Any],
    model: type[Row],
    actor: Actor,
    roles: frozenset[Role],
    first: int,
    cursor: str | None,
    company_id: UUID | None,
) -> Page[Row]:
    first = check_page_size(first)
    if company_id is not None:
        if not actor.has_company_role(company_id, roles):
            raise not_found(Company, "companyId")
        rows = rows.where(model.company_id == company_id)
    elif not actor.is_platform_staff:
        served = [one for one in actor.company_ids if actor.has_company_role(one, roles)]
        rows = rows.where(model.company_id.in_(served))
    if (start := decode_cursor(cursor, model.id)) is not None:
        rows = rows.where(model.id > start[0])
    found = (await session.scalars(rows.order_by(model.id).limit(first + 1))).all()
    return build_page(found, first, cursor, lambda row: (str(row.id),))
