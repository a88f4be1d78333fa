"""Endpoints in trouble: their circuits, dead letters, and the past sent again."""

from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from database.scope import PLATFORM
from database.sessions import Origin
from jobs import integrations
from services.integrations import webhook_deliveries, webhook_sending
from services.integrations.webhook_sending import BROKEN_FAILURES, pause_seconds
from tests.support.webhook_company import PAUSE, REPLAY, RESUME, RETRY, Yard, yard
from tests.support.webhook_receiver import answering

__all__ = ["yard"]


async def test_a_circuit_opens_lets_single_tries_through_and_forgets_nothing(yard: Yard) -> None:
    endpoint = await yard.id()
    yard.there.behave = answering(500)
    for _ in range(12):
        await yard.stock()
    await yard.run()
    for _ in range(3):
        await yard.sql("update webhook_delivery set due_at = now() where status = 'PENDING'")
        await yard.run()
    shown = await yard.look(endpoint)
    assert shown["failures"] >= BROKEN_FAILURES
    assert shown["circuitOpenUntil"] is not None
    tried = len(yard.there.got)
    assert tried <= BROKEN_FAILURES + webhook_sending.EACH_AT_ONCE
    await yard.again()
    assert len(yard.there.got) == tried + 1  # half open: one
    yard.there.behave = None
    while await yard.again():
        pass
    log = await yard.log(endpoint)
    assert [one["status"] for one in log] == ["DELIVERED"] * 12
    assert (await yard.look(endpoint))["failures"] == 0


async def test_what_is_gone_or_fails_for_three_days_is_suspended_and_can_be_resumed(
    yard: Yard,
) -> None:
    endpoint = await yard.id()
    yard.there.behave = answering(410)
    await yard.stock()
    await yard.run()
    shown = await yard.look(endpoint)
    assert (shown["status"], shown["suspendedBecause"]) == (
        "SUSPENDED", "The endpoint answered 410 Gone.",
    )  # fmt: skip
    await yard.stock()
    assert await yard.again() == 0
    assert (await yard.look(endpoint))["missedSince"] is not None
    yard.there.behave = answering(500)
    await yard.do(RESUME, endpointId=endpoint)
    await yard.again()
    assert (await yard.look(endpoint))["status"] == "ACTIVE"
    await yard.sql("update webhook_endpoint set failing_since = now() - interval '73 hours'")
    await yard.again()
    assert (await yard.look(endpoint))["status"] == "SUSPENDED"
    yard.there.behave = None
    await yard.do(RESUME, endpointId=endpoint)
    missed = (await yard.look(endpoint))["missedSince"]
    assert (await yard.do(REPLAY, endpointId=endpoint, since=missed))["queuedCount"] == 1
    await yard.again()
    assert {one["status"] for one in await yard.log(endpoint)} == {"DELIVERED"}
    assert (await yard.look(endpoint))["missedSince"] is None


async def test_after_three_days_a_message_is_a_dead_letter_that_can_be_sent_again(
    yard: Yard,
) -> None:
    endpoint = await yard.id()
    yard.there.behave = answering(500)
    await yard.stock()
    await yard.run()
    await yard.sql("update webhook_delivery set ends_at = now() where status = 'PENDING'")
    await yard.again()
    [delivery] = await yard.log(endpoint)
    assert (delivery["status"], delivery["attemptsCount"]) == ("DEAD", 2)
    assert await yard.again() == 0
    yard.there.behave = None
    named = {"deliveryId": delivery["id"]}
    await yard.do(RETRY, **named)
    [refused] = (await yard.admin.run(RETRY, {"input": named}))["webhookDeliveryRetry"]["errors"]
    assert refused["__typename"] == "IllegalStep"
    await yard.again()
    [delivery] = await yard.log(endpoint)
    assert delivery["status"] == "DELIVERED"


def test_tries_are_spread_over_three_days() -> None:
    waits = [pause_seconds(tried) for tried in range(12)]
    assert waits[0] < 6
    assert all(before < after * 1.3 for before, after in pairwise(waits))
    assert timedelta(hours=40) < timedelta(seconds=sum(waits)) < timedelta(hours=72)
    assert pause_seconds(0, 100) == 100
    assert pause_seconds(0, 10**9) == webhook_sending.RETRY_AFTER_MOST_SECONDS


async def test_the_past_is_replayed_by_time_and_on_behind_an_event(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint = await yard.id()
    for units in range(5):
        await yard.stock(units)
    await yard.run()
    first = (await yard.log(endpoint))[0]
    monkeypatch.setattr(webhook_deliveries, "REPLAYED_COUNT", 2)
    asked: dict[str, Any] = {"endpointId": endpoint, "since": first["eventAt"]}
    counts = []
    while True:
        done = await yard.do(REPLAY, **asked)
        counts.append(done["queuedCount"])
        if done["nextEventId"] is None:
            break
        asked = {"endpointId": endpoint, "afterEventId": done["nextEventId"]}
    assert counts == [2, 2, 1]
    await yard.again()
    told = [got.told["id"] for got in yard.there.got]
    assert len(told) == 10
    assert sorted(told[:5]) == sorted(told[5:])
    bad = (await yard.admin.run(REPLAY, {"input": {"endpointId": endpoint}}))["webhookReplay"]
    assert [one["path"] for one in bad["errors"]] == [["input", "since"]]


async def test_a_sender_that_dies_costs_a_second_message_and_never_one(yard: Yard) -> None:
    endpoint = await yard.id()
    await yard.stock()
    await integrations.fan_out(yard.house.database)
    async with yard.house.database.write(PLATFORM, Origin("test")) as session:
        assert len(await webhook_sending.lease(session, [], 20)) >= 1
    assert await yard.run() == 0
    assert await yard.again() == 1
    assert [one["status"] for one in await yard.log(endpoint)] == ["DELIVERED"]


async def test_a_paused_endpoint_is_told_from_when_it_missed_events(yard: Yard) -> None:
    endpoint = await yard.id()
    await yard.do(PAUSE, endpointId=endpoint)
    await yard.stock()
    assert await yard.run() == 0
    shown = await yard.look(endpoint)
    assert shown["missedSince"] is not None
    assert shown["deliveries"]["nodes"] == []
    assert shown["availableActions"] == ["UPDATE", "RESUME", "REPLAY", "ARCHIVE"]


async def test_what_waits_for_an_endpoint_that_takes_nothing_is_given_up_in_the_end(
    yard: Yard,
) -> None:
    endpoint = await yard.id()
    yard.there.behave = answering(410)
    await yard.stock()
    await yard.run()
    database = yard.house.database
    await integrations.forget_old(database)
    assert [one["status"] for one in await yard.log(endpoint)] == ["PENDING"]
    await yard.sql("update webhook_delivery set ends_at = now() where status = 'PENDING'")
    await integrations.forget_old(database)
    assert [one["status"] for one in await yard.log(endpoint)] == ["DEAD"]
    await yard.sql("update webhook_delivery set created_at = now() - interval '31 days'")
    assert await integrations.forget_old(database) >= 1
    assert await yard.log(endpoint) == []
