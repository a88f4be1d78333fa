"""Payments and refunds that need a person, and disputes: lists and the steps of support."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Annotated, Any

import strawberry

from models.companies import Company
from models.payments import Dispute, Payment, PaymentAction, Refund, RefundAction
from resolvers.context import Info
from resolvers.mutations import company_of, run_mutation
from resolvers.payments.inputs import (
    PaymentResumeInput,
    RefundCloseInput,
    RefundMarkPaidInput,
    RefundResumeInput,
    RefundRetryInput,
)
from resolvers.payments.payments import RefundOutcome
from services.core.pages import Page
from services.core.problems import parse_id, parse_optional_id
from services.payments import payment_queries, payment_states, refunds, stuck

First = Annotated[int, strawberry.argument(description="Number of rows, from 1 to 100.")]
After = Annotated[str | None, strawberry.argument(description="The cursor to continue after.")]
CompanyId = Annotated[
    strawberry.ID | None,
    strawberry.argument(
        description="Only of this company; all companies that the caller serves if left out."
    ),
]
OpenOnly = Annotated[bool, strawberry.argument(description="Only undecided disputes.")]


@dataclass
class PaymentOutcome:
    """The result of paymentResume: the payment, or the errors."""

    payment: Payment | None = None
    errors: list[Any] = field(default_factory=list)


async def stuck_payments(
    info: Info, first: First, after: After = None, company_id: CompanyId = None
) -> Page[Payment]:
    page: Page[Payment] = await _page(
        info, payment_queries.stuck_payments, first, after, company_id
    )
    return page


async def stuck_refunds(
    info: Info, first: First, after: After = None, company_id: CompanyId = None
) -> Page[Refund]:
    page: Page[Refund] = await _page(info, payment_queries.stuck_refunds, first, after, company_id)
    return page


async def disputes(
    info: Info,
    first: First,
    after: After = None,
    company_id: CompanyId = None,
    open_only: OpenOnly = False,
) -> Page[Dispute]:
    page: Page[Dispute] = await _page(
        info, payment_queries.disputes, first, after, company_id, open_only=open_only
    )
    return page


async def resume_payment(info: Info, input: PaymentResumeInput) -> PaymentOutcome:
    async def operation(session: Any) -> Payment:
        key = parse_id(Payment, input.payment_id, "paymentId")
        return await stuck.resume_payment(session, actor=info.context.actor, payment_id=key)

    company = company_of(info, Payment, input.payment_id, "paymentId")
    return await run_mutation(info, PaymentOutcome, operation, input=input, company_id=company)


async def resume_refund(info: Info, input: RefundResumeInput) -> RefundOutcome:
    return await _refund_step(info, input, stuck.resume_refund)


async def retry_refund(info: Info, input: RefundRetryInput) -> RefundOutcome:
    return await _refund_step(info, input, refunds.retry_refund)


async def mark_refund_paid(info: Info, input: RefundMarkPaidInput) -> RefundOutcome:
    return await _refund_step(info, input, refunds.mark_refund_paid, resolution=input.resolution)


async def close_refund(info: Info, input: RefundCloseInput) -> RefundOutcome:
    settled_by_id = parse_optional_id(Refund, input.settled_by_id, "settledById")
    arguments: Any = {"resolution": input.resolution, "settled_by_id": settled_by_id}
    return await _refund_step(info, input, refunds.close_refund, **arguments)


def payment_actions(parent: strawberry.Parent[Payment], info: Info) -> list[PaymentAction]:
    return payment_states.PAYMENT_MACHINE.available_actions(parent, info.context.actor)


def refund_actions(parent: strawberry.Parent[Refund], info: Info) -> list[RefundAction]:
    return payment_states.REFUND_MACHINE.available_actions(parent, info.context.actor)


async def _page(
    info: Info,
    read: Callable[..., Awaitable[Any]],
    first: int,
    after: str | None,
    company_id: str | None,
    **arguments: Any,
) -> Any:
    company = parse_optional_id(Company, company_id, "companyId")
    arguments |= {"first": first, "cursor": after, "company_id": company}
    async with info.context.read() as session:
        return await read(session, actor=info.context.actor, **arguments)


async def _refund_step(
    info: Info, input: Any, step: Callable[..., Awaitable[Refund]], **arguments: Any
) -> RefundOutcome:
    async def operation(session: Any) -> Refund:
        key = parse_id(Refund, input.refund_id, "refundId")
        return await step(session, actor=info.context.actor, refund_id=key, **arguments)

    company = company_of(info, Refund, input.refund_id, "refundId")
    return await run_mutation(info, RefundOutcome, operation, input=input, company_id=company)
