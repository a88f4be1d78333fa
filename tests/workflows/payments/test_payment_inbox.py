"""The payment inbox: a message that can't be processed stops no other, and is not lost."""

from collections.abc import Sequence
from typing import Any

import asyncpg
import pytest
from sqlalchemy import func, select, text, update

from database.base import uuid7
from database.scope import PLATFORM
from gateways.payments import (
    PaymentIntent,
    PaymentNotFound,
    PaymentUnavailable,
    PaymentWebhookEvent,
)
from jobs import payments as jobs
from models.identity import Actor, Grant, Role
from models.operations import JobFailure
from models.orders import Order, OrderStatus
from models.payments import PaymentNotice
from services.core.clock import current_time
from services.operations import job_status
from services.operations.job_status import MAX_ATTEMPTS
from tests.support.city import City
from tests.support.customers import ORIGIN, order_request
from tests.support.payments import Shop
from workflows.payments import payment_inbox

AUTHORIZED = "payment_intent.amount_capturable_updated"


@pytest.fixture(autouse=True)
async def empty_inbox(shop: Shop) -> None:
    """Other tests leave notices behind."""
    await execute(shop, "update payment_notice set done_at = now() where done_at is null")


async def store(shop: Shop, intent_id: str | None, event_type: str = AUTHORIZED) -> str:
    """Store a message as the endpoint does, some time ago."""
    event_id = f"evt_{uuid7()}"
    async with shop.database.read(PLATFORM) as session:
        at = await current_time(session)
    event = PaymentWebhookEvent(event_id, event_type, at, intent_id, None, None)
    assert await payment_inbox.store_notice(shop.database, "stripe", event)
    await execute(shop, "update payment_notice set received_at = received_at - interval '10 s'")
    return event_id


async def execute(shop: Shop, statement: str) -> None:
    async with shop.database.write(PLATFORM, ORIGIN) as session:
        await session.execute(text(statement))


async def paid_order(shop: Shop, city: City, buyer: Actor) -> tuple[Order, str]:
    """An order whose card is confirmed at the provider, of which nobody was told yet."""
    order = await shop.buy(buyer, order_request(city))
    await shop.confirm(order)
    intent_id = (await shop.payment(order)).intent_id
    assert intent_id is not None
    return order, intent_id


async def notice(shop: Shop, event_id: str) -> PaymentNotice:
    async with shop.database.read(PLATFORM) as session:
        return await session.get_one(PaymentNotice, event_id)


async def failures(shop: Shop, event_id: str) -> Sequence[JobFailure]:
    of_notice = select(PaymentNotice.id).where(PaymentNotice.event_id == event_id)
    async with shop.database.read(PLATFORM) as session:
        query = select(JobFailure).where(JobFailure.item == of_notice.scalar_subquery())
        return (await session.scalars(query)).all()


class Failing:
    """The provider's answers for one intent; those of the others are real."""

    def __init__(self, shop: Shop, monkeypatch: pytest.MonkeyPatch, intent_id: str) -> None:
        self.error: Exception | None = None
        retrieve = shop.payments.retrieve

        async def retrieve_or_fail(asked_id: str) -> PaymentIntent:
            if asked_id == intent_id and self.error is not None:
                raise self.error
            return await retrieve(asked_id)

        monkeypatch.setattr(shop.payments, "retrieve", retrieve_or_fail)


async def run_job(shop: Shop) -> int:
    """Run the job, with nothing of it in back-off."""
    async with shop.database.write(PLATFORM, ORIGIN) as session:
        await session.execute(update(JobFailure).values(next_attempt_at=func.now()))
    return await jobs.process_pending_notices(shop.database, shop.payments)


@pytest.mark.parametrize(
    ("error", "counted"),
    [
        (KeyError("a status that nobody knows"), 1),
        (PaymentNotFound("no such intent"), 1),
        (PaymentUnavailable("no answer"), 0),
        (asyncpg.LockNotAvailableError("the order is locked"), 0),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_the_inbox_goes_on_after_a_message_that_can_not_be_processed(
    shop: Shop, city: City, buyer: Actor, monkeypatch: pytest.MonkeyPatch, error: Any, counted: int
) -> None:
    """The messages of a batch were awaited in a list: the first error ended all of them."""
    (_, bad_intent), (good, good_intent) = [await paid_order(shop, city, buyer) for _ in range(2)]
    bad_event = await store(shop, bad_intent)
    good_event = await store(shop, good_intent)
    provider = Failing(shop, monkeypatch, bad_intent)
    provider.error = error
    assert await run_job(shop) == 1
    assert (await shop.order(good)).status is OrderStatus.CONFIRMED
    assert (await notice(shop, good_event)).done_at is not None
    assert (await notice(shop, bad_event)).done_at is None
    [failure] = await failures(shop, bad_event)
    assert (failure.attempt_count, failure.transient_attempt_count) == (counted, 1 - counted)
    provider.error = None
    assert await run_job(shop) == 1
    assert await failures(shop, bad_event) == []


async def test_a_message_that_fails_ten_times_is_listed_and_can_be_retried(
    shop: Shop, city: City, buyer: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was closed after twelve attempts, and nobody was told."""
    order, intent_id = await paid_order(shop, city, buyer)
    event_id = await store(shop, intent_id)
    provider = Failing(shop, monkeypatch, intent_id)
    provider.error = KeyError("a status that nobody knows")
    for _ in range(MAX_ATTEMPTS):
        await run_job(shop)
    [failure] = await failures(shop, event_id)
    assert failure.dead_lettered
    provider.error = None
    assert await run_job(shop) == 0
    assert (await notice(shop, event_id)).done_at is None
    await execute(
        shop,
        "update job_failure set dead_lettered = false, attempt_count = 0, next_attempt_at = now()",
    )
    assert await run_job(shop) == 1
    assert (await shop.order(order)).status is OrderStatus.CONFIRMED


async def test_dead_messages_at_the_head_do_not_starve_the_inbox(
    shop: Shop, city: City, buyer: Actor
) -> None:
    """Fifty messages that nobody can process filled the limit of the statement for ever."""
    for _ in range(3):
        await store(shop, "pi_unknown")
    await execute(
        shop,
        "insert into job_failure"
        " (id, job, item, attempt_count, error, next_attempt_at, dead_lettered)"
        " select gen_random_uuid(), 'payment.work_off_notices', n.id, 10, 'dead', now(), true"
        " from payment_notice n where done_at is null",
    )
    order, intent_id = await paid_order(shop, city, buyer)
    await store(shop, intent_id)
    due = jobs.PENDING_NOTICES
    small = type(due)(due.job, due.query, max_items=2)
    async with shop.database.read(PLATFORM) as session:
        assert len((await session.scalars(small.statement())).all()) == 1
    assert await jobs.process_pending_notices(shop.database, shop.payments) == 1
    assert (await shop.order(order)).status is OrderStatus.CONFIRMED


async def test_a_message_that_can_never_be_read_is_listed_until_an_operator_closes_it(
    shop: Shop,
) -> None:
    """It was answered with BAD_SIGNATURE, and the provider sent it again for days; then it was
    closed, and only the log said so."""
    event_id = f"evt_{uuid7()}"
    async with shop.database.read(PLATFORM) as session:
        at = await current_time(session)
    event = PaymentWebhookEvent(
        event_id, "refund.updated", at, None, None, unreadable="KeyError: 'status' \0"
    )
    for _ in range(2):
        assert not await payment_inbox.store_notice(shop.database, "stripe", event)
    await execute(
        shop,
        "update payment_notice set received_at = now() - interval '1 minute'"  # noqa: S608 - our own id
        f" where event_id = '{event_id}'",
    )
    await run_job(shop)
    [listed] = await failures(shop, event_id)
    assert (listed.job, listed.dead_lettered) == (jobs.PENDING_NOTICES.job, True)
    assert listed.error == "unreadable: KeyError: 'status' \N{REPLACEMENT CHARACTER}"
    assert (await notice(shop, event_id)).done_at is None
    admin = Actor(uuid7(), uuid7(), (Grant(Role.SUPER_ADMIN),))
    async with shop.database.write(PLATFORM, ORIGIN) as session:
        await job_status.retry(session, actor=admin, failure_id=listed.id)
    await run_job(shop)
    assert await failures(shop, event_id) == []
    closed = await notice(shop, event_id)
    assert closed.done_at is not None
    assert (closed.kind, closed.failure) == (
        "refund.updated", "KeyError: 'status' \N{REPLACEMENT CHARACTER}",
    )  # fmt: skip


async def test_a_stored_refund_that_can_not_be_read_is_closed_with_the_reason(shop: Shop) -> None:
    stored = await store(shop, None, "refund.updated")
    await execute(
        shop,
        f'update payment_notice set body = \'{{"refund": {{"id": 1}}}}\''  # noqa: S608 - our own id
        f" where event_id = '{stored}'",
    )
    await run_job(shop)
    closed = await notice(shop, stored)
    assert closed.done_at is not None
    assert closed.failure == "The refund can't be read: KeyError: 'state'"
    assert await failures(shop, stored) == []
