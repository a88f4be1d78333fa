"""Over the real graph and real rows the compiled plans answer as graphql-core does, to anybody."""

import asyncio
import os
import random
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis_graphql import mutations, nodes, queries

from execution import Engine, Prepared
from resolvers.context import House
from schema.root import graph
from tests.support.execution.document_arguments import scattered
from tests.support.execution.generated_documents import generated
from tests.support.execution.populated_store import Stage, set_up
from tests.support.operations.player import EVERY, Operation

DOCUMENTS = int(os.environ.get("DARKSTORE_FUZZ_COUNT", "300"))
SEED = int(os.environ.get("DARKSTORE_FUZZ_SEED", "20261121"))
ROUNDS = 2
SDL = graph.as_str()
# What signs in or out is not undone with the writes: other tests go on with those sessions.
LEFT_OUT = {"sessionRevoke", "sessionRevokeAll", "sessionRefresh", "passwordSignIn",
            "otpRequest", "otpVerify", "guestStart"}  # fmt: skip
SCALARS: dict[str, Any] = {
    "ID": st.sampled_from(["nothing", "", "ord_" + "0" * 22]).map(nodes.String),
    "BigInt": st.integers(-(2**60), 2**60).map(nodes.Int),
    "DateTime": st.sampled_from(["2026-11-21T10:00:00Z", "yesterday"]).map(nodes.String),
    "Time": st.sampled_from(["08:00:00", "24:00"]).map(nodes.String),
    "GeoJSON": st.sampled_from(["x", ""]).map(nodes.String),
}


@pytest.fixture(scope="module")
async def stage(house: House) -> AsyncIterator[Stage]:
    async with set_up(house) as opened:
        yield opened


def roots(kind: str) -> list[str]:
    """The root fields whose answers may be compared."""
    root = graph._schema.query_type if kind == "query" else graph._schema.mutation_type
    assert root is not None
    return sorted(set(root.fields) - LEFT_OUT)


def operations(kind: str) -> Any:
    """Documents with one or two root fields."""
    make = queries if kind == "query" else mutations
    fields = st.lists(st.sampled_from(roots(kind)), min_size=1, max_size=2, unique=True)
    return fields.flatmap(lambda some: make(SDL, fields=some, custom_scalars=SCALARS))


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("kind", "share"), [("query", 0.8), ("mutation", 0.2)])
async def test_generated_documents_are_answered_alike(
    stage: Stage, kind: str, share: float
) -> None:
    count = round(DOCUMENTS * share)
    documents = await asyncio.to_thread(generated, operations(kind), count, SEED)
    dice = random.Random(SEED)
    begun, reached = stage.told, stage.reached
    for document in documents:
        who = dice.choice(sorted(stage.cast))
        text, variables = scattered(graph._schema, document, dice, partial(stage.fit, dice))
        try:
            await stage.compare(who, text, variables)
        except BaseException:
            print(who, text, variables, sep="\n")
            raise
    told, reached = stage.told - begun, stage.reached - reached
    print(f"{told} documents of kind {kind}, seed {SEED}: no difference; {reached} reached rows")
    assert reached > told / 10


@pytest.mark.parametrize("operation", EVERY, ids=lambda one: one.name)
async def test_the_clients_operations_are_answered_alike(
    stage: Stage, operation: Operation
) -> None:
    prepared = Engine(graph).prepare(operation.document)
    assert isinstance(prepared, Prepared)
    if prepared.operation_type == "subscription" or LEFT_OUT.intersection(prepared.root_fields):
        pytest.skip("streams are compared elsewhere, and sessions are not undone")
    dice = random.Random(SEED)
    for who in stage.cast:
        for _ in range(ROUNDS):
            variables = stage.fitted(operation.sample, dice)
            await stage.compare(who, operation.document, variables)
