"""Finds what happened at the provider alone: refunds made in its dashboard, and disputes.

Webhooks tell most of it at once; these looks find what was not told. The lists of the account are
read page by page, and each page is read again until its position is stored.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.audit import AuditContext
from database.scope import PLATFORM
from database.sessions import Database
from gateways.payments import (
    DisputeResult,
    PaymentGateway,
    PaymentNotFound,
    PaymentUnavailable,
    RefundResult,
)
from models.payments import Dispute, Payment, Refund, RefundStatus
from services.core.clock import current_time
from services.operations.job_cursors import read_cursor, store_cursor
from services.payments import disputes, refund_results
from services.payments.payment_states import CAPTURED_STATUSES, STATUS_OF_DISPUTE
from workflows.payments import settle_payment
from workflows.payments.locked_payment import lock_payment

FIRST_LOOK_BACK = timedelta(days=3)
OVERLAP = timedelta(hours=1)
"""What is read again by the next pass: clocks differ, and lists may show an entry late."""
FAILED_STATUSES = frozenset(
    {
        RefundStatus.FAILED,
        RefundStatus.RETRIED,
        RefundStatus.PAID_OTHERWISE,
        RefundStatus.CLOSED,
    }
)


@dataclass
class ProviderNews:
    """What the provider says of one intent, or of a page of its lists."""

    refunds: list[RefundResult] = field(default_factory=list)
    disputes: list[DisputeResult] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ListPosition:
    """How far a list of the account is read, which has the newest entries first.

    A pass reads what is new `since` then, over as many runs as it takes: `last_started_at` is its
    begin, `after` the last entry it has read. The next pass begins there, less OVERLAP.
    """

    since: datetime
    last_started_at: datetime
    after: str | None = None

    def to_text(self) -> str:
        return json.dumps([self.since.isoformat(), self.last_started_at.isoformat(), self.after])

    @classmethod
    def from_text(cls, text: str) -> "ListPosition":
        since, last_started_at, after = json.loads(text)
        return cls(datetime.fromisoformat(since), datetime.fromisoformat(last_started_at), after)


@dataclass(frozen=True, slots=True)
class NewsPage:
    """The news of a page, by payment, and where the next page begins; `last` ends the pass."""

    news: dict[UUID, ProviderNews]
    next: ListPosition
    last: bool


class AccountList(StrEnum):
    """A list of the provider's account."""

    REFUNDS = "refunds"
    DISPUTES = "disputes"

    @property
    def cursor(self) -> str:
        """The name of its cursor."""
        return f"payment.reconcile.{self}"


async def read_page(database: Database, payments: PaymentGateway, which: AccountList) -> NewsPage:
    """Read the next page of a list of the account, of a new pass if the last one is complete.

    Store its position with `store_position` once its news are applied. Raises PaymentUnavailable.
    """
    async with database.read(PLATFORM) as session:
        now = await current_time(session)
        stored = await read_cursor(session, which.cursor)
    position = ListPosition(now - FIRST_LOOK_BACK, now)
    if stored is not None:
        position = ListPosition.from_text(stored)
        if position.after is None:
            position = replace(position, last_started_at=now)
    news = ProviderNews()
    if which is AccountList.REFUNDS:
        refunds = await payments.list_recent_refunds(position.since, position.after)
        news.refunds, last_id = list(refunds.rows), refunds.last_id
    else:
        opened = await payments.list_recent_disputes(position.since, position.after)
        news.disputes, last_id = list(opened.rows), opened.last_id
    if last_id is None:
        following = ListPosition(position.last_started_at - OVERLAP, position.last_started_at)
    else:
        following = replace(position, after=last_id)
    return NewsPage(await _by_payment(database, news), following, last_id is None)


async def store_position(database: Database, which: AccountList, position: ListPosition) -> None:
    """Store where the next page begins."""
    async with database.write(PLATFORM, AuditContext("job:payment.reconcile")) as session:
        await store_cursor(session, which.cursor, position.to_text())


async def reconcile_payment(database: Database, payments: PaymentGateway, payment_id: UUID) -> None:
    """Store all refunds and disputes of one payment, as the provider lists them now.

    Raises PaymentError.
    """
    async with database.read(PLATFORM) as session:
        payment = await session.get(Payment, payment_id)
    if payment is None or payment.intent_id is None:
        return
    made = await payments.list_refunds(payment.intent_id)
    opened = await payments.list_disputes(payment.intent_id)
    news = await _by_payment(database, ProviderNews([*made], [*opened]))
    if payment_id in news:
        await apply_news(database, payments, payment_id, news[payment_id])


async def _by_payment(database: Database, listed: ProviderNews) -> dict[UUID, ProviderNews]:
    """What differs from the rows, by payment."""
    news: dict[str, ProviderNews] = {}
    async with database.read(PLATFORM) as session:
        for refund in await _new_refunds(session, listed.refunds):
            news.setdefault(refund.intent_id or "", ProviderNews()).refunds.append(refund)
        for dispute in await _new_disputes(session, listed.disputes):
            news.setdefault(dispute.intent_id or "", ProviderNews()).disputes.append(dispute)
        rows = await session.execute(
            select(Payment.id, Payment.intent_id).where(Payment.intent_id.in_(news))
        )
        return {payment_id: news[intent_id or ""] for payment_id, intent_id in rows}


async def apply_news(
    database: Database, payments: PaymentGateway, payment_id: UUID, news: ProviderNews
) -> None:
    """Store refunds and disputes of one payment. Raises PaymentError."""
    payment = await _captured(database, payments, payment_id)
    if payment is None:
        return
    async with lock_payment(database, payment.order_id, payment.id) as locked:
        parts = locked.session, locked.order, locked.payment
        await refund_results.apply_results(*parts, news.refunds)
        await disputes.apply_disputes(*parts, news.disputes)


async def refresh_dispute(
    database: Database, payments: PaymentGateway, provider_dispute_id: str
) -> None:
    """Read a dispute at the provider and store it; nothing for one of no payment of ours.

    Raises PaymentUnavailable.
    """
    try:
        result = await payments.retrieve_dispute(provider_dispute_id)
    except PaymentNotFound as error:
        raise PaymentUnavailable(error.message, code=error.code) from error
    async with database.read(PLATFORM) as session:
        query = select(Payment.id).where(Payment.intent_id == result.intent_id)
        payment_id = await session.scalar(query)
    if payment_id is not None:
        await apply_news(database, payments, payment_id, ProviderNews(disputes=[result]))


async def _captured(
    database: Database, payments: PaymentGateway, payment_id: UUID
) -> Payment | None:
    """The payment, read at the provider first when its capture is not known here yet."""
    async with database.read(PLATFORM) as session:
        payment = await session.get(Payment, payment_id)
    if payment is None or payment.status in CAPTURED_STATUSES or payment.intent_id is None:
        return payment
    await settle_payment.refresh_intent(database, payments, payment.intent_id)
    async with database.read(PLATFORM) as session:
        payment = await session.get_one(Payment, payment_id)
        return payment if payment.status in CAPTURED_STATUSES else None


async def _new_refunds(session: AsyncSession, listed: Sequence[RefundResult]) -> list[RefundResult]:
    known = await _statuses(session, Refund.provider_refund_id, Refund.status, listed)

    def is_known(result: RefundResult) -> bool:
        status = refund_results.STATUS_OF_STATE[result.state]
        same = FAILED_STATUSES if status is RefundStatus.FAILED else {status}
        return known.get(result.id) in same

    return [result for result in listed if not is_known(result)]


async def _new_disputes(
    session: AsyncSession, listed: Sequence[DisputeResult]
) -> list[DisputeResult]:
    known = await _statuses(session, Dispute.provider_dispute_id, Dispute.status, listed)
    return [one for one in listed if known.get(one.id) is not STATUS_OF_DISPUTE[one.state]]


async def _statuses(
    session: AsyncSession, key: Any, status: Any, listed: Sequence[Any]
) -> dict[str, Any]:
    """The statuses of rows by the provider's ids."""
    ids = [each.id for each in listed]
    return dict((await session.execute(select(key, status).where(key.in_(ids)))).all())
