"""The actual cost of an answer is counted while its plan runs."""

import pytest

from execution import Engine, PreparedOperation
from execution.engine import GRAPHQL_CORE_FACTOR
from tests.support.execution.shop_context import Context
from tests.support.execution.shop_schema import schema

ANSWERED = [
    ("{ now __typename }", 1),
    ("{ products(first: 2) { id name } }", 1 + 2 * 2),
    ("{ products(first: 2) { id brand { name } } }", 1 + 2 * 2 + 2),
    ("{ a: products(first: 1) { id } b: products(first: 3) { id } }", 2 + 1 + 3),
    ("{ products(first: 2) { ...F ...F } } fragment F on Product { id name }", 1 + 2 * 2),
    ("{ products(first: 2) { id @skip(if: true) name } }", 1 + 2),
    ("{ __schema { types { name } } }", 0),
]


@pytest.mark.parametrize(("query", "cost"), ANSWERED)
async def test_the_cost_of_an_answer_is_that_of_the_objects_in_it(query: str, cost: int) -> None:
    engine = Engine(schema)
    prepared = engine.prepare(query)
    assert isinstance(prepared, PreparedOperation)
    assert (await engine.execute(prepared, None, Context())).cost == cost


async def test_the_cost_of_an_answer_of_graphql_core_is_by_its_number_of_fields() -> None:
    """Each is dearer, and the root fields have their prices, however little they answer."""
    engine = Engine(schema, reference=True)
    prepared = engine.prepare("{ products(first: 2) { id brand { name } } }")
    assert isinstance(prepared, PreparedOperation)
    assert (await engine.execute(prepared, None, Context())).cost == 1 + GRAPHQL_CORE_FACTOR * (
        1 + 2 * 2 + 2
    )
