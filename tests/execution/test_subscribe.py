"""Subscriptions: one plan run per event, and an event source that is always closed."""

from typing import Any

import pytest

from execution import Answer, Engine, PreparedOperation
from tests.support.execution.shop_context import Context
from tests.support.execution.shop_schema import schema

TICKS = """subscription ($upto: Int! = 3) {
  ticks(upto: $upto) { id name price { minor } brand { name } checked(maxAvailable: 1) }
}"""


def prepare(query: str, *, reference: bool = False) -> tuple[Engine, PreparedOperation]:
    engine = Engine(schema, reference=reference)
    prepared = engine.prepare(query)
    assert isinstance(prepared, PreparedOperation), prepared
    return engine, prepared


async def collect(
    query: str, variables: dict[str, Any] | None = None, *, reference: bool = False
) -> list[Answer]:
    engine, prepared = prepare(query, reference=reference)
    return [answer async for answer in engine.subscribe(prepared, variables, Context())]


@pytest.mark.parametrize(
    ("query", "variables"),
    [
        (TICKS, None),
        (TICKS, {"upto": 20}),
        (TICKS, {"upto": 2}),
        (TICKS, {"upto": "many"}),
        ("subscription { counted }", None),
        ("subscription { refused }", None),
        ("subscription { unclosable }", None),
        ("subscription { t: ticks { __typename id fails } }", None),
    ],
)
async def test_events_are_answered_as_graphql_core_answers_them(
    query: str, variables: dict[str, Any] | None
) -> None:
    compiled = await collect(query, variables)
    reference = await collect(query, variables, reference=True)
    assert [sorted(a.errors or [], key=str) for a in compiled] == [
        sorted(a.errors or [], key=str) for a in reference
    ]
    assert [(a.executed, a.data) for a in compiled] == [(a.executed, a.data) for a in reference]


async def test_a_failing_source_ends_with_one_answer() -> None:
    answers = await collect(TICKS, {"upto": 2})
    assert [answer.data is None for answer in answers] == [False, False, True]
    assert answers[-1].errors == [{"message": "the source broke"}]


async def test_closing_the_stream_closes_its_source() -> None:
    engine, prepared = prepare(TICKS)
    context = Context()
    answers = engine.subscribe(prepared, None, context)
    assert (await anext(answers)).data["ticks"]["id"] == "1"
    assert context.log == []
    await answers.aclose()
    assert context.log == ["closed"]


async def test_invalid_variables_give_one_refused_answer() -> None:
    (answer,) = await collect(TICKS, {"upto": "many"})
    assert not answer.executed
