"""Generated documents over the real schema, as every role, against the running server."""

import asyncio
import os
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis_graphql import mutations, nodes, queries

from database.base import uuid7
from models.catalog import Product
from models.ids import encode_id
from models.orders import Order
from models.stores import Store
from schema.root import graph
from tests.support.execution.generated_documents import generate_documents
from tests.support.faults.http_client import FaultScenario
from tests.support.faults.process_group import SERVER

DOCUMENTS = int(os.environ.get("DARKSTORE_FUZZ_COUNT", "300"))
SEED = 20_261_121
AT_ONCE = 8
SDL = graph.as_str()
# Mutations that would end the sessions in use or run into the rate limit of anonymous clients.
EXCLUDED = {"sessionRevoke", "sessionRevokeAll", "otpRequest", "otpSignIn", "guestSignIn"}


def scalars(scenario: FaultScenario) -> dict[str, Any]:
    """Return strategies for the custom scalars; ids are often those of existing rows."""
    product, store = scenario.city.products[0], scenario.city.near
    ids = [
        scenario.order_id,
        encode_id(Product, product.id),
        encode_id(Store, store.id),
        encode_id(Order, uuid7()),
        "nothing",
        "",
    ]
    return {
        "ID": st.sampled_from(ids).map(nodes.String),
        "SafeInt": st.integers(-(2**70), 2**70).map(lambda n: nodes.String(str(n))),
        "DateTime": st.sampled_from(["2026-11-21T10:00:00Z", "yesterday", ""]).map(nodes.String),
        "Date": st.sampled_from(["2026-11-21", "1-1-1"]).map(nodes.String),
        "LocalTime": st.sampled_from(["08:00:00", "24:00", "x"]).map(nodes.String),
        "GeoJSON": st.sampled_from(['{"type":"Polygon"}', "x", ""]).map(nodes.String),
        "UUID": st.uuids().map(lambda key: nodes.String(str(key))),
        "JSON": st.text(max_size=20).map(nodes.String),
    }


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("operation", ["query", "mutation"])
async def test_no_generated_document_breaks_anything(
    scenario: FaultScenario, operation: str
) -> None:
    make, root = (queries, graph._schema.query_type) if operation == "query" else (
        mutations, graph._schema.mutation_type)  # fmt: skip
    assert root is not None
    fields = sorted(set(root.fields) - EXCLUDED)
    strategy = make(SDL, fields=fields, custom_scalars=scalars(scenario))
    # Not in a thread: tasks of the event loop would use the random generator meanwhile.
    documents = generate_documents(strategy, DOCUMENTS, SEED)
    users = [None, scenario.owner, *scenario.staff.values()]
    slots = asyncio.Semaphore(AT_ONCE)
    errors, codes, failing = scenario.servers.errors(SERVER), set[str](), list[str]()

    async def send(document: str) -> None:
        for who in users:
            async with slots:
                codes_found = await scenario.error_codes(document, who=who)
            codes.update(codes_found)
            if "INTERNAL" in codes_found:
                failing.append(document)

    await asyncio.gather(*map(send, documents))
    assert not failing, "\n".join([*failing[:3], scenario.servers.errors(SERVER)[len(errors) :]])
    assert scenario.servers.errors(SERVER) == errors
    print(f"{len(documents)} documents as {len(users)} users: {sorted(codes)}")
