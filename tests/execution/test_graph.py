"""Compiled plans answer as graphql-core does on the real graph with real rows, for every role."""

import os
import random
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis_graphql import mutations, nodes, queries

from execution import Engine, PreparedOperation
from resolvers.context import Container
from schema.root import graph
from tests.support.execution.document_arguments import vary_document
from tests.support.execution.generated_documents import generate_documents
from tests.support.execution.populated_store import PopulatedStore, open_populated_store
from tests.support.operations.player import EVERY, Operation

DOCUMENTS = int(os.environ.get("DARKSTORE_FUZZ_COUNT", "300"))
SEED = int(os.environ.get("DARKSTORE_FUZZ_SEED", "20261121"))
ROUNDS = 2
SDL = graph.as_str()
# Sign-in and sign-out are not rolled back with the writes, and other tests use those sessions.
EXCLUDED = {"sessionRevoke", "sessionRevokeAll", "sessionRefresh", "passwordSignIn",
            "otpRequest", "otpSignIn", "guestSignIn"}  # fmt: skip
# Each answer has an address with a new signature.
EXCLUDED |= {"fileUploadStart"}
SCALARS: dict[str, Any] = {
    "ID": st.sampled_from(["nothing", "", "ord_" + "0" * 22]).map(nodes.String),
    "SafeInt": st.integers(-(2**60), 2**60).map(nodes.Int),
    "DateTime": st.sampled_from(["2026-11-21T10:00:00Z", "yesterday"]).map(nodes.String),
    "LocalTime": st.sampled_from(["08:00:00", "24:00"]).map(nodes.String),
    "GeoJSON": st.sampled_from(["x", ""]).map(nodes.String),
}


@pytest.fixture(scope="module")
async def store(container: Container) -> AsyncIterator[PopulatedStore]:
    async with open_populated_store(container) as populated:
        yield populated


def comparable_root_fields(kind: str) -> list[str]:
    """The root fields whose answers can be compared."""
    root = graph._schema.query_type if kind == "query" else graph._schema.mutation_type
    assert root is not None
    return sorted(set(root.fields) - EXCLUDED)


def operations(kind: str) -> Any:
    """Documents with one or two root fields."""
    make = queries if kind == "query" else mutations
    fields = st.lists(
        st.sampled_from(comparable_root_fields(kind)), min_size=1, max_size=2, unique=True
    )
    return fields.flatmap(lambda names: make(SDL, fields=names, custom_scalars=SCALARS))


@pytest.fixture
def documents(kind: str, share: float) -> list[str]:
    """Generated in a synchronous fixture: the event loop stands still meanwhile, so no background
    task changes the state of the global random generator, of which Hypothesis would warn."""
    return generate_documents(operations(kind), round(DOCUMENTS * share), SEED)


@pytest.mark.slow
@pytest.mark.timeout(max(600, 2 * DOCUMENTS))
@pytest.mark.parametrize(("kind", "share"), [("query", 0.8), ("mutation", 0.2)])
async def test_generated_documents_are_answered_alike(
    store: PopulatedStore, kind: str, documents: list[str]
) -> None:
    rng = random.Random(SEED)
    compared_before, nonempty_before = store.compared_count, store.nonempty_count
    for document in documents:
        who = rng.choice(sorted(store.actors))
        text, variables = vary_document(
            graph._schema, document, rng, partial(store.fitting_value, rng)
        )
        try:
            await store.compare(who, text, variables)
        except BaseException:
            print(who, text, variables, sep="\n")
            raise
    compared = store.compared_count - compared_before
    nonempty = store.nonempty_count - nonempty_before
    print(f"{compared} {kind} documents, seed {SEED}: no difference; {nonempty} found rows")
    assert nonempty > compared / 10


@pytest.mark.parametrize("operation", EVERY, ids=lambda operation: operation.name)
async def test_the_clients_operations_are_answered_alike(
    store: PopulatedStore, operation: Operation
) -> None:
    prepared = Engine(graph).prepare(operation.document)
    assert isinstance(prepared, PreparedOperation)
    if prepared.operation_type == "subscription" or EXCLUDED.intersection(prepared.root_fields):
        pytest.skip(
            "streams are compared elsewhere, sign-in is not rolled back, signatures are new"
        )
    rng = random.Random(SEED)
    for who in store.actors:
        tried: list[Any] = []
        for _ in range(ROUNDS):
            variables = store.adapt_variables(operation.sample, rng)
            if variables not in tried:
                await store.compare(who, operation.document, variables)
            tried.append(variables)
