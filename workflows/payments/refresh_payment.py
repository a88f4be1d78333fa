"""Refreshes an order's payment on request, at most once a second for each order."""

from math import ceil
from uuid import UUID

from database.audit import AuditContext
from database.scope import PLATFORM
from database.sessions import Database
from gateways.payments import PaymentGateway
from services.core import idempotency
from services.core.problems import DomainError, RateLimited
from workflows.payments import settle_payment

ORIGIN = AuditContext("payment.refresh")
REFRESH_SECONDS = 1.0


async def refresh(database: Database, payments: PaymentGateway, order_id: UUID) -> None:
    """Read an order's payment at the provider and store its state.

    Raises DomainError: RateLimited more than once in REFRESH_SECONDS for one order, whoever asks.
    """
    async with database.write(PLATFORM, ORIGIN) as session:
        allowed = await idempotency.claim_interval(
            session, ORIGIN.action, str(order_id), REFRESH_SECONDS
        )
    if not allowed:
        message = f"This payment was asked about less than {REFRESH_SECONDS:g} second ago."
        retry_seconds = ceil(REFRESH_SECONDS)
        path = ["input", "orderId"]
        raise DomainError(
            RateLimited(path=path, message=message, retry_after_seconds=retry_seconds)
        )
    await settle_payment.settle(database, payments, order_id)
