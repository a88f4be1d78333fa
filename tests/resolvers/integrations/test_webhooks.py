"""Endpoints in the graph: what may be selected, for whom it is told, and who looks after them."""

import json
from dataclasses import replace
from typing import Any

import pytest

from jobs import integrations
from models.identity import Actor, AppScope, Grant, Role, acting_for
from models.ids import decode, encode
from models.integrations import App
from server.webhook_payloads import GraphPayloads
from tests.support.actors import Standing, stand
from tests.support.graph_queries import operation
from tests.support.webhook_company import DETAIL, PAUSE, RESUME, UPDATE, Yard, yard

__all__ = ["yard"]

APP, CHANGE, END = operation("app_create"), operation("app_update"), operation("app_revoke")
PREVIEW, EVENT = operation("webhook_preview"), operation("webhook_event")
LIST, REPLAY = operation("webhook_endpoint_list"), operation("webhook_replay")
DEAR = (
    "{ order { "
    + " ".join(f"a{n}: timeline(first: 100) {{ nodes {{ type }} }}" for n in range(9))
    + " } }"
)


async def app(yard: Yard, *scopes: str) -> str:
    company = encode(type(yard.city.company), yard.city.company.id)
    made = await yard.do(APP, companyId=company, name="App", scopes=scopes)
    return str(made["app"]["id"])


def speaking(yard: Yard, app: str, *scopes: AppScope) -> Standing:
    """An app as one who asks."""
    grants, key = acting_for(yard.city.company.id), decode(App, app)
    assert key is not None
    actor = Actor(yard.admin.id, None, grants, key, frozenset(scopes))
    return Standing(yard.house, actor)


@pytest.mark.parametrize(
    ("selection", "said"),
    [
        ("{ nonsense }", "nonsense"),
        ("{ order { code }", "Syntax Error"),
        ("mutation { webhookEvent { id } }", "Write one selection"),
        ("query Named { type }", "Write one selection"),
        ("query ($x: Int) { type }", "Write one selection"),
        ("{ type } { type }", "Write one selection"),
        ("type Query { x: Int }", "Write one selection"),
        ("{ order(id: $other) { code } }", "other"),
        ("{ type ...missing }", "missing"),
        ("{ type } fragment unused on Order { code }", "unused"),
        ("{ __schema { types { name } } }", "__schema"),
        (DEAR, "costs"),
        ("{ " + "order { store { id } } " * 30 + "}", "too often"),
        ("{ type }" + " " * 9_000, "characters"),
        ("", "Syntax Error"),
    ],
)
async def test_a_selection_that_can_never_be_sent_is_refused_with_its_reasons(
    yard: Yard, selection: str, said: str
) -> None:
    [error] = (await yard.endpoint(selection=selection))["errors"]
    assert (error["__typename"], error["path"]) == ("SelectionInvalid", ["input", "selection"])
    assert said in " ".join(error["reasons"])


async def test_fragments_and_aliases_are_told_as_they_were_written(yard: Yard) -> None:
    selection = "{ ...facts where: store { id } } fragment facts on WebhookEvent { what: type }"
    await yard.id(selection=selection)
    await yard.stock()
    await yard.run()
    [got] = yard.there.got
    store = encode(type(yard.city.near), yard.city.near.id)
    assert got.data == {"what": "STOCK_CHANGED", "where": {"id": store}}


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"url": "http://example.org/"}, "url"),
        ({"url": "https://169.254.169.254/"}, "url"),
        ({"eventTypes": []}, "eventTypes"),
        ({"eventTypes": ["NO_SUCH"]}, "eventTypes"),
        ({"name": " "}, "name"),
    ],
)
async def test_what_can_never_be_right_is_refused(
    yard: Yard, given: dict[str, Any], path: str
) -> None:
    errors = (await yard.endpoint("STOCK_CHANGED", **given))["errors"]
    assert [(one["__typename"], one["path"]) for one in errors] == [
        ("InvalidInput", ["input", path])
    ]


async def test_an_app_is_told_what_its_scopes_open_when_it_is_told(yard: Yard) -> None:
    name = await app(yard, "STOCK_READ", "ORDERS_READ")
    of_app: Any = {"appId": name, "selection": "{ order { customerName } }"}
    [error] = (await yard.endpoint("ORDER_PLACED", **of_app))["errors"]
    assert "customers:read" in " ".join(error["reasons"])
    [error] = (await yard.endpoint("PURCHASE_ORDER_CREATED", appId=name, selection="{ type }"))[
        "errors"
    ]
    assert (error["path"], "supply:read" in error["message"]) == (["input", "eventTypes"], True)
    endpoint = await yard.id(appId=name, selection="{ type order { id } }")
    await yard.stock()
    await yard.run()
    assert len(yard.there.got) == 1
    await yard.do(CHANGE, appId=name, scopes=["STOCK_READ"])
    await yard.stock()
    await yard.run()
    assert len(yard.there.got) == 1
    assert "orders:read" in (await yard.log(endpoint))[-1]["lastError"]
    await yard.do(END, appId=name)
    await yard.again()
    shown = await yard.look(endpoint)
    assert (shown["status"], shown["suspendedBecause"]) == ("SUSPENDED", "The app was revoked.")
    assert len(yard.there.got) == 1


async def test_an_app_looks_after_its_own_endpoints_and_sees_no_others(yard: Yard) -> None:
    one, other = await app(yard, "STOCK_READ"), await app(yard, "STOCK_READ")
    mine = speaking(yard, one, AppScope.STOCK_READ, AppScope.WEBHOOKS_READ, AppScope.WEBHOOKS_WRITE)
    made = await yard.endpoint(who=mine)
    assert made["errors"] == []
    foreign = [await yard.id(), await yard.id(appId=other)]
    company = encode(type(yard.city.company), yard.city.company.id)
    listed = await mine.run(LIST.replace("app {\n        id\n        name\n      }", ""),
                            {"companyId": company, "first": 10})  # fmt: skip
    assert [one["id"] for one in listed["webhookEndpoints"]["nodes"]] == [made["endpoint"]["id"]]
    for endpoint in foreign:
        assert await mine.codes(DETAIL, {"id": endpoint, "first": 1}) == {"NOT_FOUND"}
        [payload] = (await mine.run(PAUSE, {"input": {"endpointId": endpoint}})).values()
        assert [one["__typename"] for one in payload["errors"]] == ["NotFound"]
    deaf = speaking(yard, one, AppScope.STOCK_READ)
    assert await deaf.codes(DETAIL, {"id": foreign[0], "first": 1}) == {"FORBIDDEN"}


async def test_no_company_hears_of_anothers_events(yard: Yard) -> None:
    grant = Grant(Role.COMPANY_ADMIN, yard.city.second.id)
    stranger = replace(await stand(yard.house, "Stranger", grant), house=yard.house)
    company = encode(type(yard.city.company), yard.city.second.id)
    made = await yard.endpoint(who=stranger, companyId=company)
    assert made["errors"] == []
    endpoint = await yard.id()
    await yard.stock()
    await yard.stock(shop=1)
    await yard.run()
    stores = {got.data["storeId"]: got.headers["webhook-id"] for got in yard.there.got}
    assert len(stores) == len(yard.there.got) == 2
    [event] = [one["eventId"] for one in await yard.log(endpoint)]
    for document, given in (
        (EVENT, {"id": event}),
        (PREVIEW, {"endpointId": made["endpoint"]["id"], "eventId": event}),
        (PREVIEW, {"endpointId": endpoint, "eventId": event}),
        (DETAIL, {"id": endpoint, "first": 1}),
    ):
        assert await stranger.codes(document, given) == {"NOT_FOUND"}
    for document in (PAUSE, RESUME, UPDATE, REPLAY):
        [payload] = (await stranger.run(document, {"input": {"endpointId": endpoint}})).values()
        assert [one["__typename"] for one in payload["errors"]] == ["NotFound"]
    mine = {"endpointId": made["endpoint"]["id"], "afterEventId": event}
    [payload] = (await stranger.run(REPLAY, {"input": mine})).values()
    assert [one["__typename"] for one in payload["errors"]] == ["NotFound"]


async def test_a_preview_is_the_very_message_and_sends_nothing(yard: Yard) -> None:
    endpoint = await yard.id()
    await yard.stock()
    await integrations.fan_out(yard.house.database)
    [delivery] = await yard.log(endpoint)
    given = {"endpointId": endpoint, "eventId": delivery["eventId"]}
    seen = (await yard.admin.run(PREVIEW, given))["webhookPreview"]["payload"]
    assert yard.there.got == []
    await yard.run()
    assert json.loads(seen) == yard.there.got[0].told
    assert seen.encode() == yard.there.got[0].body


async def test_a_selection_that_the_graph_has_outgrown_stops_its_endpoint(yard: Yard) -> None:
    endpoint = await yard.id()
    await yard.sql(
        "update webhook_endpoint set selection = '{ type forgotten }' where status = 'ACTIVE'"
    )
    await yard.stock()
    payloads = GraphPayloads(yard.house)
    await integrations.fan_out(yard.house.database)
    await integrations.deliver(yard.house.database, yard.house.webhooks, payloads)
    shown = await yard.look(endpoint)
    assert shown["status"] == "SUSPENDED"
    assert "forgotten" in shown["suspendedBecause"]
    assert yard.there.got == []
    again = {"endpointId": endpoint, "selection": "{ type }"}
    await yard.do(UPDATE, **again)
    await yard.do(RESUME, endpointId=endpoint)
    await yard.again()
    assert [got.data for got in yard.there.got] == [{"type": "STOCK_CHANGED"}]


async def test_two_who_change_an_endpoint_are_told_of_each_other(yard: Yard) -> None:
    endpoint = await yard.id()
    named = {"endpointId": endpoint, "name": "Mine", "expectedVersion": 1}
    assert (await yard.do(UPDATE, **named))["endpoint"]["version"] == 2
    [payload] = (await yard.admin.run(UPDATE, {"input": named})).values()
    assert [one["__typename"] for one in payload["errors"]] == ["VersionConflict"]
