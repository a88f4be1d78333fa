"""Looking at an order's payment because somebody asks, at a pace that the provider bears."""

from math import ceil
from uuid import UUID

from database.scope import PLATFORM
from database.sessions import Database, Origin
from gateways.payments import Payments
from services.core import idempotency
from services.core.problems import RateLimited, Refused
from workflows.payments import settle_payment

ORIGIN = Origin("payment.refresh")
REFRESH_SECONDS = 1.0


async def refresh(database: Database, payments: Payments, order_id: UUID) -> None:
    """Ask the provider how an order's payment stands, and store its answer.

    Refused with RateLimited more than once in REFRESH_SECONDS for one order, whoever asks.
    """
    async with database.write(PLATFORM, ORIGIN) as session:
        free = await idempotency.claim(session, ORIGIN.action, str(order_id), REFRESH_SECONDS)
    if not free:
        message = f"This payment was asked about less than {REFRESH_SECONDS:g} second ago."
        retry = ceil(REFRESH_SECONDS)
        path = ["input", "orderId"]
        raise Refused(RateLimited(path=path, message=message, retry_after_seconds=retry))
    await settle_payment.settle(database, payments, order_id)
