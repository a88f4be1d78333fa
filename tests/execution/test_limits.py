"""Every known way to hurt a GraphQL server with a document, and what it costs here."""

import sys
from collections.abc import Iterator
from types import FrameType

import pytest

from execution import Answer, Engine, Limits, Prepared
from tests.support.execution.shop_schema import schema

PREPARE_CALLS = 150_000
"""Calls of functions, whether Python's or C's: the same on every machine, unlike seconds."""
REFUSAL_BYTES = 1_024


def spreads(levels: int) -> str:
    chain = "".join(f" fragment A{n} on Query {{ ...A{n + 1} ...A{n + 1} }}" for n in range(levels))
    return f"{{ ...A0 }}{chain} fragment A{levels} on Query {{ now }}"


def aliases(levels: int) -> str:
    chain = "".join(
        f" fragment A{n} on Product {{ a: siblings {{ ...A{n + 1} }}"
        f" b: siblings {{ ...A{n + 1} }} }}"
        for n in range(levels)
    )
    return f"{{ products {{ ...A0 }} }}{chain} fragment A{levels} on Product {{ id }}"


def fragments(count: int, body: str) -> str:
    spread = " ".join(f"...F{n}" for n in range(count))
    made = " ".join(f"fragment F{n} on Product {{ {body} }}" for n in range(count))
    return f"{{ products {{ {spread} }} }} {made}"


def documents() -> Iterator[tuple[str, str]]:
    yield from multiplied()
    yield from oversized()


def multiplied() -> Iterator[tuple[str, str]]:
    for levels in (18, 30, 60):
        yield f"fragments doubled {levels} times", spreads(levels)
        yield f"aliases doubled {levels} times", aliases(levels)
    yield "one field 450 times", "{" + " now" * 450 + "}"
    yield "one field 3,000 times", "{" + " now" * 3_000 + "}"
    yield "one object 21 times", "{" + " products { id }" * 21 + "}"
    yield "one path 400 times", "{ products {" + " siblings { siblings { id } }" * 100 + "}}"
    yield "many fragments", fragments(51, "id")
    yield "overlapping fragments", fragments(40, "id name tags unit")
    yield "450 aliases", "{" + " ".join(f"a{n}: now" for n in range(300)) + "}"
    yield "150 directives", "{ now" + " @skip(if: false)" * 150 + "}"
    yield "20,000 directives", "{ now" + " @skip(if: false)" * 20_000 + "}"


def oversized() -> Iterator[tuple[str, str]]:
    yield "a string of a megabyte", '{ echo(uuid: "' + "a" * 1_000_000 + '") }'
    yield "a string of 30,000 characters", '{ echo(uuid: "' + "a" * 30_000 + '") }'
    yield "an integer of 30,000 digits", "{ products(first: " + "9" * 30_000 + ") { id } }"
    yield "deep objects", "{" + "siblings {" * 300
    yield "deep selections", "{ products {" + "siblings {" * 20 + "id" + "}" * 22
    yield "deep lists", "{ echo(uuid: " + "[" * 400 + "]" * 400 + ") }"
    yield "deep inline fragments", "{" + "... {" * 200 + "now" + "}" * 201
    yield (
        "a circle of fragments",
        "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }",
    )
    yield "a fragment in itself", "{ ...A } fragment A on Query { now ...A ...A ...A }"
    yield (
        "circular introspection",
        ("{ __schema { types { ...T } } } fragment T on __Type { fields { type { ...T } } }"),
    )
    yield (
        "deep introspection",
        ("{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }"),
    )
    yield "many operations", " ".join(f"query q{n} {{ now }}" for n in range(100))
    yield "unused fragments", "{ now }" + " fragment A on Query { now }" * 40
    yield "unknown fields", "{" + " ".join(f"unknown{n}" for n in range(400)) + "}"
    yield "unknown arguments", "{ now(" + " ".join(f"x{n}: 1" for n in range(300)) + ") }"
    yield "unknown enum values", "{ products { within(units: [" + "XX " * 800 + "]) } }"
    yield "unused variables", "query (" + " ".join(f"$v{n}: Int" for n in range(240)) + ") { now }"
    yield "enormous pages", "{ products(first: 1000000) { id } }"
    yield "pages of pages", "{ a: products(first: 100) { brand { products { brand { products {"
    yield "comments", "#x\n" * 30_000 + "{ now }"


@pytest.mark.parametrize(
    ("name", "query"), list(documents()), ids=[name for name, _ in documents()]
)
def test_a_malicious_document_is_refused_with_little_work_and_shortly(
    name: str, query: str
) -> None:
    engine = Engine(schema)
    calls = _calls(engine, query)
    refused = engine.prepare(query)
    assert isinstance(refused, Answer)
    assert not refused.executed
    assert len(refused.encode()) < REFUSAL_BYTES
    assert calls < PREPARE_CALLS


def _calls(engine: Engine, query: str) -> int:
    """How many functions are called to prepare a document."""
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


WORST_ALLOWED = [
    "{ products {" + " id name tags grid unit weight note label within checked" * 20 + "}}",
    "{" + " products { id name tags grid unit weight note label within }" * 20 + "}",
    "{ products {" + " within(range: {low: 1, high: 2, units: [PIECE, PIECE]})" * 20 + "}}",
    fragments(20, "id name tags unit weight note boxes { size }"),
]


@pytest.mark.parametrize("query", WORST_ALLOWED)
def test_the_worst_documents_within_the_limits_are_read_with_little_work(query: str) -> None:
    engine = Engine(schema)
    calls = _calls(engine, query)
    assert isinstance(engine.prepare(query), Prepared)
    assert calls < PREPARE_CALLS


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
    assert isinstance(prepared, Prepared)
    assert engine.cost(prepared, variables) == cost


async def test_a_page_that_is_too_large_by_its_variable_is_refused_before_execution() -> None:
    engine = Engine(schema)
    prepared = engine.prepare("query ($n: Int!) { products(first: $n) { id } }")
    assert isinstance(prepared, Prepared)
    answer = await engine.execute(prepared, {"n": 1_000_000}, None)
    assert not answer.executed
    assert (answer.errors or [])[0]["extensions"]["code"] == "QUERY_TOO_COMPLEX"


def test_the_memory_of_documents_is_bounded_by_their_tokens() -> None:
    engine = Engine(schema, limits=Limits(cached_tokens=100, cached_documents=10))
    for n in range(50):
        engine.prepare("{ " + f"a{n}: now " * 5 + "}")
    kept = engine._documents._kept.values()
    assert sum(prepared.document.token_count for prepared in kept) <= 100


def test_a_known_document_is_not_read_again() -> None:
    engine = Engine(schema)
    assert engine.prepare("{ now }") is engine.prepare("{ now }")


def test_introspection_can_be_switched_off() -> None:
    engine = Engine(schema, introspection=False)
    assert isinstance(engine.prepare("{ __schema { queryType { name } } }"), Answer)
    assert isinstance(engine.prepare("{ __typename }"), Prepared)
