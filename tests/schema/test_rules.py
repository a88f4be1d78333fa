"""Every guarded field by every role: the rule that stands in the table is the rule that holds."""

import asyncio
from contextlib import aclosing
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime
from enum import Enum
from functools import cache
from types import SimpleNamespace
from typing import Any, cast, get_args, get_type_hints
from uuid import UUID

import pytest
import strawberry
from graphql import GraphQLField
from strawberry.schema.config import StrawberryConfig

from database.base import uuid7
from execution import Answer, Limits
from models.identity import ANONYMOUS, Grant, Role
from resolvers.context import House
from schema.backing import BACKING
from schema.root import graph
from schema.rules_table import guarded, rule_of, rules_table
from schema.scalars import SCALARS
from server.errors import present
from server.graphql_engine import HouseEngine
from tests.support.actors import Standing, engine, stand
from tests.support.city import City
from tests.support.minimal_queries import document, selection
from tests.support.paths import ROOT

DENIED = {"UNAUTHENTICATED", "FORBIDDEN"}
QUIET_SECONDS = 0.2
SHAPE = graph._schema
ROOTS = {"Query": "query", "Mutation": "mutation", "Subscription": "subscription"}
NESTED = [one for one in guarded() if one.parent not in ROOTS]
BELOW = sorted({one.parent for one in NESTED})


def field_of(parent: str, name: str) -> GraphQLField:
    kind: Any = SHAPE.type_map[parent]
    found: GraphQLField = kind.fields[name]
    return found


@pytest.fixture(scope="module")
async def everybody(house: House, town: City) -> dict[str, Standing]:
    """A new person of each role; what they do in these tests hurts nobody else."""
    company, store = town.company.id, town.near.id
    places = {
        Role.COMPANY_ADMIN: (company, None),
        Role.STORE_MANAGER: (company, store),
        Role.STORE_STAFF: (company, store),
        Role.RIDER: (company, None),
        Role.SUPPORT_AGENT: (company, None),
    }
    people = {"NOBODY": Standing(house, ANONYMOUS)}
    for role in Role:
        people[role.value] = await stand(house, role.title(), Grant(role, *places.get(role, ())))
    return people


async def first_codes(who: Standing, text: str, variables: Any) -> set[str]:
    """The codes of a stream's first answer; none when it stays quiet, for then it was let in."""
    prepared = engine().prepare(text)
    assert not isinstance(prepared, Answer), prepared.errors
    async with aclosing(engine().subscribe(prepared, variables, who.context())) as answers:
        try:
            answer = await asyncio.wait_for(anext(answers), QUIET_SECONDS)
        except (TimeoutError, StopAsyncIteration):
            return set()
    return {error["extensions"]["code"] for error in answer.errors or []}


@pytest.mark.parametrize(
    "name", [f"{one.parent}.{one.name}" for one in guarded() if one.parent in ROOTS]
)
async def test_a_root_field_lets_in_exactly_those_its_rule_names(
    name: str, everybody: dict[str, Standing]
) -> None:
    parent, _, field_name = name.partition(".")
    rule = next(one.rule for one in guarded() if (one.parent, one.name) == (parent, field_name))
    text, variables = document(ROOTS[parent], field_name, field_of(parent, field_name))
    for kind, who in everybody.items():
        ask = first_codes if parent == "Subscription" else Standing.codes
        codes = await ask(who, text, variables)
        denied = rule.refuse(who.context())
        assert codes & DENIED == ({denied.code} if denied else set()), kind
        assert "INTERNAL" not in codes, kind


@cache
def probing() -> HouseEngine:
    """The engine of a graph whose roots are the types that have guarded fields, as rows stand."""
    kinds = {kind: cast(Any, graph.get_type_by_name(kind)).origin for kind in BELOW}
    roots = {kind: strawberry.field(description=kind) for kind in kinds}
    probe = type("Query", (), {**roots, "__annotations__": {k: v | None for k, v in kinds.items()}})
    made = strawberry.type(probe, description="Rows to look at.")
    config = StrawberryConfig(scalar_map=SCALARS)
    return HouseEngine(
        strawberry.Schema(made, config=config), limits=Limits(), introspection=True,
        on_error=present,
    )  # fmt: skip


def row_of(kind: str) -> Any:
    """Something of the class that stands behind a type, with some value in every attribute."""
    model: Any = BACKING[cast(Any, graph.get_type_by_name(kind)).origin]
    if is_dataclass(model):
        hints = get_type_hints(model)
        made: Any = model
        return made(**{field.name: some(hints[field.name]) for field in fields(model)})
    columns = model.__table__.columns
    plain = [column for column in columns if column.computed is None]
    return model(**{column.name: some(column.type.python_type) for column in plain})


def some(kind: Any) -> Any:
    """A value of a type."""
    kind = next((one for one in get_args(kind) if one is not type(None)), kind)
    if issubclass(kind, Enum):
        return next(iter(kind))
    now = datetime.now(UTC)
    return {UUID: uuid7(), datetime: now, date: now.date(), dict: {}}.get(kind) or kind(1)


@pytest.mark.parametrize("name", [f"{one.parent}.{one.name}" for one in NESTED])
async def test_a_field_of_a_row_tells_exactly_those_its_rule_names(
    name: str, everybody: dict[str, Standing]
) -> None:
    """The rule holds by itself, however its row was come by: the row lies open to everybody."""
    kind, _, field_name = name.partition(".")
    rule = next(one.rule for one in NESTED if (one.parent, one.name) == (kind, field_name))
    below = selection(field_of(kind, field_name))
    prepared = probing().prepare(f"{{ {kind} {{ __typename {field_name} {below} }} }}")
    assert not isinstance(prepared, Answer), prepared.errors
    for role, who in everybody.items():
        row = SimpleNamespace(**{kind: row_of(kind)})
        answer = await probing().execute(prepared, {}, who.context(), row)
        denied = rule.refuse(who.context())
        if denied is None:
            assert not answer.errors, role
            assert answer.data[kind]["__typename"] == kind
            continue
        [error] = answer.errors or []
        assert (error["path"], error["extensions"]["code"]) == ([kind, field_name], denied.code)
        # A field that is never null takes its row along.
        assert (answer.data[kind] or {}).get(field_name) is None, role


def test_every_mutation_and_stream_has_a_rule() -> None:
    roots = filter(None, [SHAPE.mutation_type, SHAPE.subscription_type])
    bare = [
        f"{root.name}.{name}"
        for root in roots
        for name, field in root.fields.items()
        if rule_of(field) is None
    ]
    assert not bare


def test_the_table_in_the_docs_is_the_graphs() -> None:
    written = ROOT / "docs" / "rules.md"
    assert written.read_text() == rules_table(), "run: python -m server rules > docs/rules.md"
