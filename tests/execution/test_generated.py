"""Compiled plans answer generated documents as graphql-core does."""

import os
from typing import Any

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from hypothesis_graphql import mutations, nodes, queries

from tests.support.execution.differential import compare
from tests.support.execution.shop_context import Context
from tests.support.execution.shop_schema import schema

DOCUMENTS = int(os.environ.get("DARKSTORE_FUZZ_COUNT", "200"))
SEED = int(os.environ.get("DARKSTORE_FUZZ_SEED", "20261121"))
SCALARS: Any = {
    "UUID": st.uuids().map(lambda uuid: nodes.String(str(uuid))),
    "Decimal": st.decimals(allow_nan=False, allow_infinity=False).map(
        lambda number: nodes.String(str(number))
    ),
    "Basis": st.integers(0, 100).map(nodes.Int),
}
SDL = schema.as_str()
# graphql-core does not handle `canceled`: the cancellation ends the whole request.
QUERY = schema._schema.query_type
assert QUERY is not None
FIELDS = [name for name in QUERY.fields if name != "canceled"]
OPERATIONS = st.one_of(
    queries(SDL, fields=FIELDS, custom_scalars=SCALARS), mutations(SDL, custom_scalars=SCALARS)
)


# graphql-core leaves coroutines un-awaited when a null removes their field.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
@pytest.mark.timeout(max(600, 2 * DOCUMENTS))
@seed(SEED)
@settings(
    max_examples=DOCUMENTS,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(query=OPERATIONS, staff=st.booleans())
async def test_a_generated_document_is_answered_as_graphql_core_answers_it(
    query: Any, staff: bool
) -> None:
    await compare(schema, str(query), None, lambda: Context(staff))
