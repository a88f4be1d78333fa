"""Every root field by every role: the rule that stands in the table is the rule that holds."""

import asyncio
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from graphql import GraphQLField

from execution import Answer
from models import ANONYMOUS, Grant, Role
from resolvers.context import House
from schema.root import graph
from schema.rules_table import guarded, rule_of, rules_table
from tests.city import City
from tests.minimal import document
from tests.people import Standing, engine, stand

DENIED = {"UNAUTHENTICATED", "FORBIDDEN"}
QUIET_SECONDS = 0.2
SHAPE = graph._schema
ROOTS = {"Query": "query", "Mutation": "mutation", "Subscription": "subscription"}


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
    written = Path(__file__).resolve().parent.parent / "docs" / "rules.md"
    assert written.read_text() == rules_table(), "run: python -m server rules > docs/rules.md"
