"""Events on their way to third parties: all of them, signed, in order, and within bounds."""

import asyncio
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from database.scope import PLATFORM
from database.sessions import Origin
from gateways.webhook import PublicWebhooks
from jobs import integrations
from models.events import EventType
from models.ids import encode
from models.orders import Order
from services.events.event_log import inventory_stream, order_happened
from services.integrations import webhook_sending
from services.integrations.webhook_signatures import signed
from tests.support.order_rows import hang
from tests.support.webhook_company import ROTATE, Yard, yard
from tests.support.webhook_receiver import answering, flooding, hanging, receiving

__all__ = ["yard"]


async def test_an_event_is_told_as_it_was_selected_and_signed_for_its_owner(yard: Yard) -> None:
    made = await yard.endpoint("ORDER_PLACED")
    async with yard.house.database.write(PLATFORM, Origin("test")) as session:
        keys = await hang(session, yard.city.first)
        order = await session.get_one(Order, keys[Order])
        order_happened(session, order, EventType.ORDER_PLACED, queue=order.store_id)
        order_happened(session, order, EventType.ORDER_CANCELED)
    await yard.run()
    [got] = yard.there.got
    assert got.data == {
        "type": "ORDER_PLACED", "sequence": 1, "orderId": encode(Order, order.id),
        "order": {"code": order.code, "status": order.status},
    }  # fmt: skip
    assert got.told["type"] == "ORDER_PLACED"
    assert got.told["id"] == got.headers["webhook-id"]
    assert got.told["schemaVersion"] == made["endpoint"]["schemaVersion"]
    assert Webhook(made["secret"]).verify(got.body, got.headers) == got.told
    with pytest.raises(WebhookVerificationError):
        Webhook(made["secret"]).verify(got.body + b" ", got.headers)
    [delivery] = await yard.log(made["endpoint"]["id"])
    assert (delivery["status"], delivery["attemptsCount"]) == ("DELIVERED", 1)
    [attempt] = delivery["attempts"]
    assert (attempt["statusCode"], attempt["snippet"], attempt["error"]) == (200, "taken", None)
    assert delivery["eventId"] == got.told["id"]
    assert await yard.run() == 0


def test_signatures_are_those_of_the_standards_own_library() -> None:
    secret, moment = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", int(time.time())
    body, known = b'{"test": 2432232314}', Webhook("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    headers = signed([secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", moment, body)
    at = datetime.fromtimestamp(moment, UTC)
    assert headers["webhook-signature"] == known.sign(headers["webhook-id"], at, body.decode())
    vector = signed([secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert vector["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


async def test_both_secrets_sign_until_the_grace_is_over(yard: Yard) -> None:
    made = await yard.endpoint()
    named, old = {"endpointId": made["endpoint"]["id"]}, made["secret"]
    new = (await yard.do(ROTATE, graceSeconds=60, **named))["secret"]
    assert new != old
    await yard.stock()
    await yard.run()
    for secret in (old, new):
        Webhook(secret).verify(yard.there.got[-1].body, yard.there.got[-1].headers)
    newest = (await yard.do(ROTATE, graceSeconds=0, **named))["secret"]
    await yard.stock()
    await yard.run()
    Webhook(newest).verify(yard.there.got[-1].body, yard.there.got[-1].headers)
    for secret in (old, new):
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(yard.there.got[-1].body, yard.there.got[-1].headers)


@pytest.mark.parametrize(
    ("behave", "said"),
    [
        (answering(500), "The endpoint answered 500."),
        (answering(302, "location: http://127.0.0.1:1/"), "The endpoint answered 302."),
        (hanging, "There was no answer within 0.5 s."),
        (flooding, None),
    ],
)
async def test_whatever_an_endpoint_does_its_try_ends_and_is_written_down(
    yard: Yard, behave: Any, said: str | None
) -> None:
    yard.there.behave = behave
    endpoint = await yard.id()
    await yard.stock()
    assert await yard.run() == 1
    [delivery] = await yard.log(endpoint)
    assert delivery["status"] == ("PENDING" if said else "DELIVERED")
    assert delivery["lastError"] == said
    [attempt] = delivery["attempts"]
    assert attempt["error"] == said
    assert len(attempt["snippet"]) <= 1_024
    assert await yard.run() == 0  # it waits
    yard.there.behave = None
    assert await yard.again() == (1 if said else 0)
    [delivery] = await yard.log(endpoint)
    assert (delivery["status"], len(yard.there.got)) == ("DELIVERED", 2 if said else 1)
    assert len({got.headers["webhook-id"] for got in yard.there.got}) == 1


async def test_who_hangs_holds_nobody_else_up(yard: Yard) -> None:
    async with receiving() as other:
        webhooks = PublicWebhooks([yard.there.door, other.door])
        yard.house = replace(yard.house, webhooks=webhooks)
        yard.admin = replace(yard.admin, house=yard.house)
        yard.there.behave = hanging
        await yard.id()
        await yard.id(url=other.url)
        for _ in range(12):
            await yard.stock()
        turn = asyncio.create_task(yard.run())
        async with asyncio.timeout(20):
            while len(other.got) < 12:  # noqa: ASYNC110 - a receiver tells nobody
                await asyncio.sleep(0.02)
        assert 1 <= yard.there.most_at_once <= webhook_sending.EACH_AT_ONCE
        await turn
        await webhooks.close()


async def test_an_event_that_commits_late_is_not_passed_over(yard: Yard, database_url: str) -> None:
    endpoint = await yard.id()
    await integrations.fan_out(yard.house.database)
    late = await asyncpg.connect(database_url.replace("+asyncpg", "", 1))
    try:
        transaction = late.transaction()
        await transaction.start()
        await late.execute(
            "insert into event (stream, seq, company_id, type, body, at) values"
            " ($1, 1, $2, 'STOCK_CHANGED', '{\"changes\": []}', clock_timestamp())",
            inventory_stream(yard.city.next.id), yard.city.company.id,
        )  # fmt: skip
        await yard.stock()
        await yard.run()
        assert yard.there.got == []  # what began later waits behind it
        await transaction.commit()
    finally:
        await late.close()
    await yard.run()
    stores = [got.data["storeId"] for got in yard.there.got]
    assert sorted(stores) == sorted(
        encode(type(one), one.id) for one in (yard.city.near, yard.city.next)
    )
    assert {one["status"] for one in await yard.log(endpoint)} == {"DELIVERED"}


@pytest.mark.parametrize("ordered", [True, False])
async def test_events_of_one_aggregate_keep_their_order_where_that_was_asked(
    yard: Yard, ordered: bool
) -> None:
    await yard.id(ordered=ordered)
    yard.there.behave = answering(503)
    await yard.stock(1)
    await yard.run()
    yard.there.behave = None
    for units in (2, 3, 4):
        await yard.stock(units)
    await yard.run()
    seen = [got.data["sequence"] for got in yard.there.got]
    assert seen[0] == 1
    assert sorted(seen[1:]) == ([] if ordered else [2, 3, 4])
    await yard.again()
    while await yard.run():
        pass
    seen = [got.data["sequence"] for got in yard.there.got]
    if ordered:
        assert seen == [1, 1, 2, 3, 4]
    else:
        assert sorted(seen) == [1, 1, 2, 3, 4]
