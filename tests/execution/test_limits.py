"""Known kinds of malicious documents: each is refused with little work."""

import sys
from collections.abc import Iterator
from types import FrameType

import pytest

from execution import Answer, Engine, Limits, PreparedOperation
from tests.support.execution.shop_schema import schema

MAX_PREPARE_CALLS = 150_000
"""Function calls, of Python and C functions: equal on every machine, unlike seconds."""
MAX_REFUSAL_BYTES = 1_024


def doubled_spreads(levels: int) -> str:
    chain = "".join(f" fragment A{n} on Query {{ ...A{n + 1} ...A{n + 1} }}" for n in range(levels))
    return f"{{ ...A0 }}{chain} fragment A{levels} on Query {{ now }}"


def doubled_aliases(levels: int) -> str:
    chain = "".join(
        f" fragment A{n} on Product {{ a: siblings {{ ...A{n + 1} }}"
        f" b: siblings {{ ...A{n + 1} }} }}"
        for n in range(levels)
    )
    return f"{{ products {{ ...A0 }} }}{chain} fragment A{levels} on Product {{ id }}"


def spread_fragments(count: int, body: str) -> str:
    spread = " ".join(f"...F{n}" for n in range(count))
    definitions = " ".join(f"fragment F{n} on Product {{ {body} }}" for n in range(count))
    return f"{{ products {{ {spread} }} }} {definitions}"


def malicious_documents() -> Iterator[tuple[str, str]]:
    yield from multiplied_documents()
    yield from oversized_documents()


def multiplied_documents() -> Iterator[tuple[str, str]]:
    for levels in (18, 30, 60):
        yield f"fragments doubled {levels} times", doubled_spreads(levels)
        yield f"aliases doubled {levels} times", doubled_aliases(levels)
    yield "one field 450 times", "{" + " now" * 450 + "}"
    yield "one field 3,000 times", "{" + " now" * 3_000 + "}"
    yield "one object 21 times", "{" + " products { id }" * 21 + "}"
    yield "one path 400 times", "{ products {" + " siblings { siblings { id } }" * 100 + "}}"
    yield "many fragments", spread_fragments(51, "id")
    yield "overlapping fragments", spread_fragments(40, "id name tags unit")
    yield "450 aliases", "{" + " ".join(f"a{n}: now" for n in range(300)) + "}"
    yield "150 directives", "{ now" + " @skip(if: false)" * 150 + "}"
    yield "20,000 directives", "{ now" + " @skip(if: false)" * 20_000 + "}"


def oversized_documents() -> Iterator[tuple[str, str]]:
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


LARGEST_ALLOWED = {
    "ten fields 20 times": (
        "{ products {" + " id name tags grid unit weight note label within checked" * 20 + "}}"
    ),
    "one object 20 times": (
        "{" + " products { id name tags grid unit weight note label within }" * 20 + "}"
    ),
    "one field with arguments 20 times": (
        "{ products {" + " within(range: {low: 1, high: 2, units: [PIECE, PIECE]})" * 20 + "}}"
    ),
    "20 overlapping fragments": spread_fragments(
        20, "id name tags unit weight note boxes { size }"
    ),
}


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
