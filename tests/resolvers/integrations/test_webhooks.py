"""Webhook endpoints through the graph: selections, scopes of payloads, and access."""

import json
from dataclasses import replace
from typing import Any

import pytest

from jobs import integrations
from models.identity import Actor, AppScope, Grant, Role, app_grants
from models.ids import decode_id, encode_id
from models.integrations import App
from server.webhook_payloads import GraphPayloads
from tests.support.actors import ActorClient, create_client
from tests.support.graph_queries import operation
from tests.support.webhooks.scenario import DETAIL, PAUSE, RESUME, UPDATE, WebhookScenario, scenario

__all__ = ["scenario"]

APP_CREATE, APP_UPDATE, APP_REVOKE = (
    operation("app_create"),
    operation("app_update"),
    operation("app_revoke"),
)
PREVIEW, EVENT = operation("webhook_preview"), operation("webhook_event")
LIST, REPLAY = operation("webhook_endpoint_list"), operation("webhook_replay")
EXPENSIVE_SELECTION = (
    "{ order { "
    + " ".join(f"a{n}: timeline(first: 100) {{ nodes {{ type }} }}" for n in range(9))
    + " } }"
)


async def create_app(scenario: WebhookScenario, *scopes: str) -> str:
    company = encode_id(type(scenario.city.company), scenario.city.company.id)
    created = await scenario.mutate(APP_CREATE, companyId=company, name="App", scopes=scopes)
    return str(created["app"]["id"])


def client_of_app(scenario: WebhookScenario, app: str, *scopes: AppScope) -> ActorClient:
    """A client that sends requests as an app."""
    grants, key = app_grants(scenario.city.company.id), decode_id(App, app)
    assert key is not None
    actor = Actor(scenario.admin.id, None, grants, key, frozenset(scopes))
    return ActorClient(scenario.container, actor)


@pytest.mark.parametrize(
    ("selection", "message"),
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
        (EXPENSIVE_SELECTION, "costs"),
        ("{ " + "order { store { id } } " * 30 + "}", "too often"),
        ("{ type }" + " " * 9_000, "characters"),
        ("", "Syntax Error"),
    ],
)
async def test_an_invalid_selection_is_refused_with_reasons(
    scenario: WebhookScenario, selection: str, message: str
) -> None:
    [error] = (await scenario.create_endpoint(payloadSelection=selection))["errors"]
    assert (error["__typename"], error["path"]) == (
        "InvalidSelection",
        ["input", "payloadSelection"],
    )
    assert message in " ".join(error["reasons"])


@pytest.mark.parametrize(
    "field", ["deliveryPin", "payment { clientSecret }", "payment { nextActionUrl }"]
)
async def test_a_selection_with_a_field_for_customers_is_refused(
    scenario: WebhookScenario, field: str
) -> None:
    """It was accepted at the creation, and then every one of its messages failed."""
    selection = f"{{ type ...facts }} fragment facts on WebhookEvent {{ order {{ {field} }} }}"
    [error] = (await scenario.create_endpoint("ORDER_PLACED", payloadSelection=selection))["errors"]
    assert error["__typename"] == "InvalidSelection"
    assert "Only customers may read" in " ".join(error["reasons"])


async def test_payloads_support_fragments_and_aliases(
    scenario: WebhookScenario,
) -> None:
    selection = "{ ...facts where: store { id } } fragment facts on WebhookEvent { what: type }"
    await scenario.create_endpoint_id(payloadSelection=selection)
    await scenario.record_stock_event()
    await scenario.send_due()
    [request] = scenario.receiver.requests
    store = encode_id(type(scenario.city.near), scenario.city.near.id)
    assert request.data == {"what": "STOCK_CHANGED", "where": {"id": store}}


@pytest.mark.parametrize(
    ("settings", "path"),
    [
        ({"url": "http://example.org/"}, "url"),
        ({"url": "https://169.254.169.254/"}, "url"),
        ({"eventTypes": []}, "eventTypes"),
        ({"eventTypes": ["NO_SUCH"]}, "eventTypes"),
        ({"name": " "}, "name"),
    ],
)
async def test_invalid_settings_are_refused(
    scenario: WebhookScenario, settings: dict[str, Any], path: str
) -> None:
    errors = (await scenario.create_endpoint("STOCK_CHANGED", **settings))["errors"]
    assert [(one["__typename"], one["path"]) for one in errors] == [
        ("InvalidInput", ["input", path])
    ]


async def test_payloads_are_limited_by_the_scopes_of_the_app_at_delivery(
    scenario: WebhookScenario,
) -> None:
    app = await create_app(scenario, "STOCK_READ", "ORDERS_READ")
    of_app: Any = {"appId": app, "payloadSelection": "{ order { customerName } }"}
    [error] = (await scenario.create_endpoint("ORDER_PLACED", **of_app))["errors"]
    assert "customers:read" in " ".join(error["reasons"])
    [error] = (
        await scenario.create_endpoint(
            "PURCHASE_ORDER_CREATED", appId=app, payloadSelection="{ type }"
        )
    )["errors"]
    assert (error["path"], "supply:read" in error["message"]) == (["input", "eventTypes"], True)
    endpoint = await scenario.create_endpoint_id(
        appId=app, payloadSelection="{ type order { id } }"
    )
    await scenario.record_stock_event()
    await scenario.send_due()
    assert len(scenario.receiver.requests) == 1
    await scenario.mutate(APP_UPDATE, appId=app, scopes=["STOCK_READ"])
    await scenario.record_stock_event()
    await scenario.send_due()
    assert len(scenario.receiver.requests) == 1
    assert "orders:read" in (await scenario.deliveries(endpoint))[-1]["lastError"]
    await scenario.mutate(APP_REVOKE, appId=app)
    await scenario.send_all()
    detail = await scenario.endpoint_detail(endpoint)
    assert (detail["status"], detail["suspensionReason"]) == ("SUSPENDED", "The app was revoked.")
    assert len(scenario.receiver.requests) == 1


async def test_an_app_manages_its_own_endpoints_and_sees_no_others(
    scenario: WebhookScenario,
) -> None:
    one, other = await create_app(scenario, "STOCK_READ"), await create_app(scenario, "STOCK_READ")
    mine = client_of_app(
        scenario, one, AppScope.STOCK_READ, AppScope.WEBHOOKS_READ, AppScope.WEBHOOKS_WRITE
    )
    created = await scenario.create_endpoint(who=mine)
    assert created["errors"] == []
    foreign = [await scenario.create_endpoint_id(), await scenario.create_endpoint_id(appId=other)]
    company = encode_id(type(scenario.city.company), scenario.city.company.id)
    listed = await mine.run(LIST.replace("app {\n        id\n        name\n      }", ""),
                            {"companyId": company, "first": 10})  # fmt: skip
    assert [one["id"] for one in listed["webhookEndpoints"]["nodes"]] == [
        created["webhookEndpoint"]["id"]
    ]
    for endpoint in foreign:
        assert await mine.codes(DETAIL, {"id": endpoint, "first": 1}) == {"NOT_FOUND"}
        [payload] = (await mine.run(PAUSE, {"input": {"webhookEndpointId": endpoint}})).values()
        assert [one["__typename"] for one in payload["errors"]] == ["NotFound"]
    without_scope = client_of_app(scenario, one, AppScope.STOCK_READ)
    assert await without_scope.codes(DETAIL, {"id": foreign[0], "first": 1}) == {"FORBIDDEN"}


async def test_companies_receive_only_their_own_events(scenario: WebhookScenario) -> None:
    grant = Grant(Role.COMPANY_ADMIN, scenario.city.second.id)
    stranger = replace(
        await create_client(scenario.container, "Stranger", grant), container=scenario.container
    )
    company = encode_id(type(scenario.city.company), scenario.city.second.id)
    created = await scenario.create_endpoint(who=stranger, companyId=company)
    assert created["errors"] == []
    endpoint = await scenario.create_endpoint_id()
    await scenario.record_stock_event()
    await scenario.record_stock_event(company_index=1)
    await scenario.send_due()
    stores = {
        request.data["storeId"]: request.headers["webhook-id"]
        for request in scenario.receiver.requests
    }
    assert len(stores) == len(scenario.receiver.requests) == 2
    [event] = [one["eventId"] for one in await scenario.deliveries(endpoint)]
    for document, arguments in (
        (EVENT, {"id": event}),
        (PREVIEW, {"webhookEndpointId": created["webhookEndpoint"]["id"], "eventId": event}),
        (PREVIEW, {"webhookEndpointId": endpoint, "eventId": event}),
        (DETAIL, {"id": endpoint, "first": 1}),
    ):
        assert await stranger.codes(document, arguments) == {"NOT_FOUND"}
    for document in (PAUSE, RESUME, UPDATE, REPLAY):
        [payload] = (
            await stranger.run(document, {"input": {"webhookEndpointId": endpoint}})
        ).values()
        assert [one["__typename"] for one in payload["errors"]] == ["NotFound"]
    mine = {"webhookEndpointId": created["webhookEndpoint"]["id"], "afterEventId": event}
    [payload] = (await stranger.run(REPLAY, {"input": mine})).values()
    assert [one["__typename"] for one in payload["errors"]] == ["NotFound"]


async def test_a_preview_equals_the_message_and_sends_nothing(scenario: WebhookScenario) -> None:
    endpoint = await scenario.create_endpoint_id()
    await scenario.record_stock_event()
    await integrations.fan_out(scenario.container.database)
    [delivery] = await scenario.deliveries(endpoint)
    arguments = {"webhookEndpointId": endpoint, "eventId": delivery["eventId"]}
    preview = (await scenario.admin.run(PREVIEW, arguments))["webhookPreview"]["payload"]
    assert scenario.receiver.requests == []
    await scenario.send_due()
    assert json.loads(preview) == scenario.receiver.requests[0].payload
    assert preview.encode() == scenario.receiver.requests[0].body


async def test_an_outdated_selection_suspends_its_endpoint(
    scenario: WebhookScenario,
) -> None:
    endpoint = await scenario.create_endpoint_id()
    await scenario.execute(
        "update webhook_endpoint set payload_selection = '{ type forgotten }' where status ="
        " 'ACTIVE'"
    )
    await scenario.record_stock_event()
    payloads = GraphPayloads(scenario.container)
    await integrations.fan_out(scenario.container.database)
    await integrations.deliver(scenario.container.database, scenario.container.webhooks, payloads)
    detail = await scenario.endpoint_detail(endpoint)
    assert detail["status"] == "SUSPENDED"
    assert "forgotten" in detail["suspensionReason"]
    assert scenario.receiver.requests == []
    update = {"webhookEndpointId": endpoint, "payloadSelection": "{ type }"}
    await scenario.mutate(UPDATE, **update)
    await scenario.mutate(RESUME, webhookEndpointId=endpoint)
    await scenario.send_all()
    assert [request.data for request in scenario.receiver.requests] == [{"type": "STOCK_CHANGED"}]


async def test_concurrent_changes_of_an_endpoint_conflict(scenario: WebhookScenario) -> None:
    endpoint = await scenario.create_endpoint_id()
    update = {"webhookEndpointId": endpoint, "name": "Mine", "expectedVersion": 1}
    assert (await scenario.mutate(UPDATE, **update))["webhookEndpoint"]["version"] == 2
    [payload] = (await scenario.admin.run(UPDATE, {"input": update})).values()
    assert [one["__typename"] for one in payload["errors"]] == ["VersionConflict"]
