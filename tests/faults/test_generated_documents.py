"""Documents that nobody wrote, over the real schema, as every role, against the running server."""

import asyncio
import os
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis_graphql import mutations, nodes, queries

from database.base import uuid7
from models.catalog import Product
from models.ids import encode
from models.orders import Order
from models.stores import Store
from schema.root import graph
from tests.support.execution.generated_documents import generated
from tests.support.faults.http_client import Neighborhood, troubles
from tests.support.faults.process_group import SERVER

DOCUMENTS = int(os.environ.get("DARKSTORE_FUZZ_COUNT", "300"))
SEED = 20_261_121
AT_ONCE = 8
SDL = graph.as_str()
# Words that would end the sessions the others ask with, or run into the pace of strangers.
LEFT_OUT = {"sessionRevoke", "sessionRevokeAll", "otpRequest", "otpVerify", "guestStart"}


def scalars(one: Neighborhood) -> dict[str, Any]:
    """Values of our own scalars; ids are often those of real rows."""
    product, store = one.quarter.products[0], one.quarter.near
    ids = [
        one.order_id,
        encode(Product, product.id),
        encode(Store, store.id),
        encode(Order, uuid7()),
        "nothing",
        "",
    ]
    return {
        "ID": st.sampled_from(ids).map(nodes.String),
        "BigInt": st.integers(-(2**70), 2**70).map(lambda n: nodes.String(str(n))),
        "DateTime": st.sampled_from(["2026-11-21T10:00:00Z", "yesterday", ""]).map(nodes.String),
        "Date": st.sampled_from(["2026-11-21", "1-1-1"]).map(nodes.String),
        "Time": st.sampled_from(["08:00:00", "24:00", "x"]).map(nodes.String),
        "GeoJSON": st.sampled_from(['{"type":"Polygon"}', "x", ""]).map(nodes.String),
        "UUID": st.uuids().map(lambda key: nodes.String(str(key))),
        "JSON": st.text(max_size=20).map(nodes.String),
    }


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("operation", ["query", "mutation"])
async def test_no_generated_document_breaks_anything(
    neighborhood: Neighborhood, operation: str
) -> None:
    one = neighborhood
    make, root = (queries, graph._schema.query_type) if operation == "query" else (
        mutations, graph._schema.mutation_type)  # fmt: skip
    assert root is not None
    fields = sorted(set(root.fields) - LEFT_OUT)
    strategy = make(SDL, fields=fields, custom_scalars=scalars(one))
    documents = await asyncio.to_thread(generated, strategy, DOCUMENTS, SEED)
    people = [None, one.owner, *one.staff.values()]
    turn = asyncio.Semaphore(AT_ONCE)
    loud, codes, broken = one.town.errors(SERVER), set[str](), list[str]()

    async def ask(document: str) -> None:
        for who in people:
            async with turn:
                found = troubles(await one.answer(document, who=who))
            codes.update(found)
            if "INTERNAL" in found:
                broken.append(document)

    await asyncio.gather(*map(ask, documents))
    assert not broken, "\n".join([*broken[:3], one.town.errors(SERVER)[len(loud) :]])
    assert one.town.errors(SERVER) == loud
    print(f"{len(documents)} documents as {len(people)} people: {sorted(codes)}")
