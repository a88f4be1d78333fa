"""Known kinds of malicious documents: each is refused with little work."""

import sys
from types import FrameType

import pytest

from execution import Answer, Engine, Limits, PreparedOperation
from tests.support.execution.malicious_documents import (
    LARGEST_ALLOWED,
    MAX_REFUSAL_BYTES,
    malicious_documents,
)
from tests.support.execution.shop_schema import schema

MAX_PREPARE_CALLS = 150_000
"""Function calls, of Python and C functions: equal on every machine, unlike seconds."""


@pytest.mark.parametrize(
    ("name", "query"), list(malicious_documents()), ids=[name for name, _ in malicious_documents()]
)
def test_a_malicious_document_is_refused_with_little_work_and_a_short_answer(
    name: str, query: str
) -> None:
    engine = Engine(schema)
    calls = count_calls(engine, query)
    refused = engine.prepare(query)
    assert isinstance(refused, Answer)
    assert not refused.executed
    assert len(refused.encode()) < MAX_REFUSAL_BYTES
    assert calls < MAX_PREPARE_CALLS


def count_calls(engine: Engine, query: str) -> int:
    """The number of function calls that preparing a document takes."""
    calls = 0

    def count(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        engine.prepare(query)
    finally:
        sys.setprofile(None)
    return calls


@pytest.mark.parametrize("query", LARGEST_ALLOWED.values(), ids=LARGEST_ALLOWED)
def test_the_largest_documents_within_the_limits_are_read_with_little_work(query: str) -> None:
    engine = Engine(schema)
    calls = count_calls(engine, query)
    assert isinstance(engine.prepare(query), PreparedOperation)
    assert calls < MAX_PREPARE_CALLS


@pytest.mark.parametrize(
    ("query", "variables", "cost"),
    [
        ("{ now __typename }", {}, 1),
        ("{ products(first: 5) { id name } }", {}, 1 + 5 * 2),
        ("{ products { id } }", {}, 1 + 10 * 1),
        ("query ($n: Int! = 3) { products(first: $n) { id } }", {}, 1 + 3),
        ("query ($n: Int! = 3) { products(first: $n) { id } }", {"n": 50}, 1 + 50),
        ("query ($n: Int!) { products(first: $n) { ...F } } fragment F on Product { id }", {}, 21),
        ("{ products(first: 2) { brand { products { id } } } }", {}, 1 + 2 * (1 + 1 + 10)),
        ("{ named { ... on Product { id } name } }", {}, 1 + 10 * 2),
        ("{ __schema { types { name } } }", {}, 1),
    ],
)
def test_the_cost_is_known_before_execution(
    query: str, variables: dict[str, object], cost: int
) -> None:
    engine = Engine(schema)
    prepared = engine.prepare(query)
    assert isinstance(prepared, PreparedOperation)
    assert engine.cost(prepared, variables) == cost


async def test_a_page_that_is_too_large_by_its_variable_is_refused_before_execution() -> None:
    engine = Engine(schema)
    prepared = engine.prepare("query ($n: Int!) { products(first: $n) { id } }")
    assert isinstance(prepared, PreparedOperation)
    answer = await engine.execute(prepared, {"n": 1_000_000}, None)
    assert not answer.executed
    assert (answer.errors or [])[0]["extensions"]["code"] == "QUERY_TOO_COMPLEX"


def test_the_document_cache_is_bounded_by_tokens() -> None:
    engine = Engine(schema, limits=Limits(cached_tokens=100, cached_documents=10))
    for n in range(50):
        engine.prepare("{ " + f"a{n}: now " * 5 + "}")
    cached = engine._documents._prepared.values()
    assert sum(prepared.document.token_count for prepared in cached) <= 100


def test_a_cached_document_is_not_parsed_again() -> None:
    engine = Engine(schema)
    assert engine.prepare("{ now }") is engine.prepare("{ now }")


def test_introspection_can_be_switched_off() -> None:
    engine = Engine(schema, introspection=False)
    assert isinstance(engine.prepare("{ __schema { queryType { name } } }"), Answer)
    assert isinstance(engine.prepare("{ __typename }"), PreparedOperation)
