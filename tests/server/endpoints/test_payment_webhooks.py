"""The provider's door: what is signed is kept once and worked off; what isn't is turned away."""

import asyncio
import time
from collections.abc import AsyncIterator

import httpx
import pytest
from sqlalchemy import func, select
from starlette.applications import Starlette
from starlette.routing import Route

from database.scope import PLATFORM
from database.sessions import Database, announce_nothing
from models.orders import CancelReason, OrderStatus
from models.payments import PaymentNotice, PaymentStatus
from server.endpoints.payment_webhooks import BODY_BYTES, Worker, stripe_webhook
from services import checkout
from simulators.stripe.deliveries import signature
from tests.services.conftest import database
from tests.support import city as cities
from tests.support.customers import ORIGIN, people, wish
from tests.support.payments import Shop, open_shop
from tests.support.stripe_simulator import WEBHOOK_SECRET, opened, served
from workflows.payments.settlement_trigger import Nudges

__all__ = ["database"]


@pytest.fixture
async def shop(database: Database) -> AsyncIterator[Shop]:
    """A shop to whose real door the simulator posts its events."""
    async with opened() as desk, open_shop(database, desk) as one:
        worker = Worker(database, one.payments)
        door = stripe_webhook(database, one.payments, worker)
        app = Starlette(routes=[Route("/hooks", door, methods=["POST"])])
        async with served(app) as url:
            await desk.control("webhook", {"url": f"{url}/hooks"})
            desk.hook = f"{url}/hooks"
            yield one
            await worker.close()


async def kept(shop: Shop) -> int:
    async with shop.database.read(PLATFORM) as session:
        return await session.scalar(select(func.count()).select_from(PaymentNotice)) or 0


async def test_a_webhook_alone_confirms_the_order_even_when_it_comes_twice(shop: Shop) -> None:
    await shop.desk.control("faults", {"duplicate": True, "reorder": True})
    city = await cities.build(shop.database)
    (buyer,) = await people(shop.database)
    order = await shop.buy(buyer, wish(city))
    await shop.confirm(order)
    async with asyncio.timeout(10):
        while (await shop.order(order)).status is not OrderStatus.CONFIRMED:  # noqa: ASYNC110 - the row tells nobody
            await asyncio.sleep(0.05)
    await shop.desk.settled_deliveries()
    assert (await shop.told(order)).count("ORDER_CONFIRMED") == 1


async def test_what_is_not_signed_or_too_large_is_turned_away(shop: Shop) -> None:
    before = await kept(shop)
    now = int(time.time())
    letters = [
        (b'{"id":"evt_1"}', "t=1,v1=00", 400),
        (b"", "", 400),
        (b"\xff", signature(b"\xff", WEBHOOK_SECRET, now), 400),
        (b"x" * (BODY_BYTES + 1), "", 413),
    ]
    async with httpx.AsyncClient(trust_env=False) as client:
        for body, signed, status in letters:
            headers = {"stripe-signature": signed}
            answer = await client.post(shop.desk.hook, content=body, headers=headers)
            assert answer.status_code == status
    assert await kept(shop) == before


async def test_a_commit_that_wants_money_moved_is_nudged_at_once(shop: Shop) -> None:
    nudges = Nudges(shop.database, shop.payments)

    async def announce(hints: object) -> None:
        nudges.heard(hints)  # type: ignore[arg-type] # hints, as the database tells them

    city = await cities.build(shop.database)
    (buyer,) = await people(shop.database)
    order = await shop.buy(buyer, wish(city))
    await shop.pay(order)
    shop.database.announce = announce
    async with shop.database.write(PLATFORM, ORIGIN) as session:
        why = CancelReason.TOO_SLOW
        await checkout.cancel_order(session, actor=buyer, order_id=order.id, reason=why)
    async with asyncio.timeout(5):
        while (await shop.payment(order)).status is not PaymentStatus.VOIDED:  # noqa: ASYNC110 - the row tells nobody
            await asyncio.sleep(0.02)
    shop.database.announce = announce_nothing
    await nudges.close()
