"""A write that changes nothing keeps the version, so that it refuses nobody's next write."""

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pytest

from models.ids import encode_id
from models.stores import Store
from tests.support.graph_queries import operation
from tests.support.paths import ROOT
from tests.support.webhooks.scenario import UPDATE as UPDATE_ENDPOINT
from tests.support.webhooks.scenario import WebhookScenario, scenario

__all__ = ["scenario"]

Case = tuple[str, Mapping[str, Any], str, list[Mapping[str, Any]]]
"""The document, what it is about, the row in the payload, and values that change nothing."""


async def of_store(scenario: WebhookScenario) -> Case:
    store = {"storeId": encode_id(Store, scenario.city.near.id)}
    timers = {"acceptSeconds": 90}
    same: list[Mapping[str, Any]] = [
        {"timers": {}}, {"timers": timers}, {"timers": {"offerSeconds": None}},
        {"clearTimers": True, "timers": timers}, {"name": scenario.city.near.name}, {"name": None},
    ]  # fmt: skip
    document = """mutation ($input: StoreUpdateInput!) { storeUpdate(input: $input) {
      store { desk { version } } errors { __typename ... on Problem { message } } } }"""
    first = {"expectedVersion": scenario.city.near.version, "timers": timers}
    await scenario.mutate(document, **store, **first)
    return document, store, "store", same


async def of_app(scenario: WebhookScenario) -> Case:
    company = encode_id(type(scenario.city.company), scenario.city.company.id)
    values = {"name": "App", "scopes": ["STOCK_READ"]}
    created = await scenario.mutate(operation("app_create"), companyId=company, **values)
    same: list[Mapping[str, Any]] = [{"name": "App"}, {"scopes": ["STOCK_READ"]}]
    return operation("app_update"), {"appId": created["app"]["id"]}, "app", same


async def of_endpoint(scenario: WebhookScenario) -> Case:
    endpoint = await scenario.create_endpoint_id()
    same: list[Mapping[str, Any]] = [
        {"name": "There"},
        {"eventTypes": ["STOCK_CHANGED"]},
        {"url": scenario.receiver.url},
    ]
    return UPDATE_ENDPOINT, {"webhookEndpointId": endpoint}, "webhookEndpoint", same


async def of_supplier(scenario: WebhookScenario) -> Case:
    company = encode_id(type(scenario.city.company), scenario.city.company.id)
    values = {"companyId": company, "code": "SAME", "name": "Same"}
    created = await scenario.mutate(operation("supplier_create"), **values)
    target = {"supplierId": created["supplier"]["id"]}
    same: list[Mapping[str, Any]] = [{}, {"name": "Same"}, {"code": "same", "phone": ""}]
    return operation("supplier_update"), target, "supplier", same


CASES: Mapping[str, Callable[[WebhookScenario], Awaitable[Case]]] = {
    "StoreUpdateInput": of_store,
    "AppUpdateInput": of_app,
    "WebhookEndpointUpdateInput": of_endpoint,
    "SupplierUpdateInput": of_supplier,
}


def test_every_update_of_a_version_is_tried() -> None:
    """A new mutation that changes settings of a row with a version would have the same fault."""
    inputs = re.findall(
        r"^input (\w+(?:Update|Save)Input) \{(.*?)^\}",
        (ROOT / "schema.graphql").read_text(),
        re.MULTILINE | re.DOTALL,
    )
    assert {name for name, body in inputs if "expectedVersion" in body} == set(CASES)


@pytest.mark.parametrize("name", CASES)
async def test_a_write_that_changes_nothing_keeps_the_version(
    scenario: WebhookScenario, name: str
) -> None:
    """A form that is saved as it is raised the version: the next save of another manager, who had
    read the same values, was refused as a conflict.
    """
    document, target, field, unchanged = await CASES[name](scenario)
    seen = 2 if name == "StoreUpdateInput" else 1
    for values in unchanged:
        payload = await scenario.mutate(document, **target, **values, expectedVersion=seen)
        row = payload[field]
        assert row.get("version", row.get("desk", row).get("version")) == seen, values
