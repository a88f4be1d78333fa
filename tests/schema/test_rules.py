"""Checks every protected field with every role against its rule in the table."""

import asyncio
import re
from contextlib import aclosing
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime, time
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
from models.identity import ANONYMOUS, Actor, Grant, Role
from resolvers.context import Container
from resolvers.rules import PrivateRule, Rule, rule_of
from schema.backing import BACKING
from schema.root import graph
from schema.rules_table import guarded_fields, rules_table
from schema.scalars import SCALARS
from server.errors import format_error
from server.graphql_engine import GraphQLEngine
from services.core.access import PEOPLE
from tests.support.actors import ActorClient, create_client, engine
from tests.support.city import City
from tests.support.minimal_queries import minimal_document, selection
from tests.support.paths import ROOT

DENIED = {"UNAUTHENTICATED", "FORBIDDEN"}
QUIET_SECONDS = 0.2
SHAPE = graph._schema
ROOTS = {"Query": "query", "Mutation": "mutation", "Subscription": "subscription"}
NESTED = [guarded for guarded in guarded_fields() if guarded.parent not in ROOTS]
RULES = sorted(
    {one.rule for one in guarded_fields() if not isinstance(one.rule, PrivateRule)},
    key=lambda rule: rule.name,
)
NESTED_TYPES = sorted({guarded.parent for guarded in NESTED})


def field_of(parent: str, name: str) -> GraphQLField:
    graphql_type: Any = SHAPE.type_map[parent]
    field: GraphQLField = graphql_type.fields[name]
    return field


@pytest.fixture(scope="module")
async def everybody(container: Container, shared_city: City) -> dict[str, ActorClient]:
    """A new person of each role for this module alone."""
    company, store = shared_city.company.id, shared_city.near.id
    scopes = {
        Role.COMPANY_ADMIN: (company, None),
        Role.STORE_MANAGER: (company, store),
        Role.STORE_STAFF: (company, store),
        Role.RIDER: (company, None),
        Role.SUPPORT_AGENT: (company, None),
    }
    people = {"NOBODY": ActorClient(container, ANONYMOUS)}
    for role in Role:
        people[role.value] = await create_client(
            container, role.title(), Grant(role, *scopes.get(role, ()))
        )
    return people


async def first_codes(who: ActorClient, text: str, variables: Any) -> set[str]:
    """Return the error codes of a stream's first result; none if it stays silent, thus allowed."""
    prepared = engine().prepare(text)
    assert not isinstance(prepared, Answer), prepared.errors
    async with aclosing(engine().subscribe(prepared, variables, who.context())) as answers:
        try:
            answer = await asyncio.wait_for(anext(answers), QUIET_SECONDS)
        except (TimeoutError, StopAsyncIteration):
            return set()
    return {error["extensions"]["code"] for error in answer.errors or []}


@pytest.mark.parametrize("rule", RULES, ids=[one.name for one in RULES])
def test_a_refusal_names_everybody_who_is_allowed(rule: Rule) -> None:
    """A company admin read "This is for store managers only", and thought to have lost a right."""
    for role in Role:
        actor = Actor(uuid7(), uuid7(), (Grant(role),))
        denial = rule.denial(cast(Any, SimpleNamespace(actor=actor)))
        assert (denial is None) == (not rule.roles or role in rule.roles)
        if denial is not None:
            words = str(denial).removeprefix("Only ").removesuffix(" may do this.")
            said = re.split(r", | and ", words)
            assert sorted(said) == sorted(PEOPLE[one] for one in rule.roles)
    assert set(PEOPLE) == set(Role)


@pytest.mark.parametrize(
    "name", [f"{each.parent}.{each.name}" for each in guarded_fields() if each.parent in ROOTS]
)
async def test_a_root_field_allows_exactly_the_roles_of_its_rule(
    name: str, everybody: dict[str, ActorClient]
) -> None:
    parent, _, field_name = name.partition(".")
    rule = next(
        each.rule for each in guarded_fields() if (each.parent, each.name) == (parent, field_name)
    )
    text, variables = minimal_document(ROOTS[parent], field_name, field_of(parent, field_name))
    for kind, who in everybody.items():
        ask = first_codes if parent == "Subscription" else ActorClient.codes
        codes = await ask(who, text, variables)
        denial = rule.denial(who.context())
        assert codes & DENIED == ({denial.code} if denial else set()), kind
        assert "INTERNAL" not in codes, kind


@cache
def probe_engine() -> GraphQLEngine:
    """Return the engine of a schema whose root fields are the types with protected fields."""
    kinds = {kind: cast(Any, graph.get_type_by_name(kind)).origin for kind in NESTED_TYPES}
    roots = {kind: strawberry.field(description=kind) for kind in kinds}
    probe = type("Query", (), {**roots, "__annotations__": {k: v | None for k, v in kinds.items()}})
    query = strawberry.type(probe, description="Rows to look at.")
    config = StrawberryConfig(scalar_map=SCALARS)
    return GraphQLEngine(
        strawberry.Schema(query, config=config), limits=Limits(), introspection=True,
        on_error=format_error,
    )  # fmt: skip


def row_of(kind: str) -> Any:
    """Return an instance of a type's backing class with a value in every attribute."""
    model: Any = BACKING[cast(Any, graph.get_type_by_name(kind)).origin]
    if is_dataclass(model):
        hints = get_type_hints(model)
        build: Any = model
        return build(**{field.name: value_of(hints[field.name]) for field in fields(model)})
    columns = model.__table__.columns
    plain = [column for column in columns if column.computed is None]
    return model(**{column.name: value_of(column.type.python_type) for column in plain})


def value_of(kind: Any) -> Any:
    """Return a value of a type."""
    kind = next((arg for arg in get_args(kind) if arg is not type(None)), kind)
    if issubclass(kind, Enum):
        return next(iter(kind))
    now = datetime.now(UTC)
    values = {UUID: uuid7(), datetime: now, date: now.date(), time: now.time(), object: {}}
    return values[kind] if kind in values else kind(1)


@pytest.mark.parametrize("name", [f"{each.parent}.{each.name}" for each in NESTED])
async def test_a_protected_field_allows_exactly_the_roles_of_its_rule(
    name: str, everybody: dict[str, ActorClient]
) -> None:
    """The rule is checked alone: the row itself is visible to everyone."""
    kind, _, field_name = name.partition(".")
    rule = next(each.rule for each in NESTED if (each.parent, each.name) == (kind, field_name))
    child_selection = selection(field_of(kind, field_name))
    prepared = probe_engine().prepare(
        f"{{ {kind} {{ __typename {field_name} {child_selection} }} }}"
    )
    assert not isinstance(prepared, Answer), prepared.errors
    for role, who in everybody.items():
        row = SimpleNamespace(**{kind: row_of(kind)})
        answer = await probe_engine().execute(prepared, {}, who.context(), row)
        denial = rule.denial(who.context())
        if denial is None:
            assert not answer.errors, role
            assert answer.data[kind]["__typename"] == kind
            assert rule.allows(who.actor) or answer.data[kind][field_name] is None, role
            continue
        [error] = answer.errors or []
        assert (error["path"], error["extensions"]["code"]) == ([kind, field_name], denial.code)
        assert answer.data[kind][field_name] is None, role


def test_every_mutation_and_stream_has_a_rule() -> None:
    roots = filter(None, [SHAPE.mutation_type, SHAPE.subscription_type])
    without_rule = [
        f"{root.name}.{name}"
        for root in roots
        for name, field in root.fields.items()
        if rule_of(field) is None
    ]
    assert not without_rule


def test_the_table_in_the_docs_matches_the_schema() -> None:
    document = ROOT / "docs" / "rules.md"
    assert document.read_text() == rules_table(), "run: python -m server rules > docs/rules.md"
