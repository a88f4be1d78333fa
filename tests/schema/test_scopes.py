"""What apps may do: root fields and nouns ask for the scope in the list, or are closed."""

from typing import Any

import pytest
from graphql import GraphQLObjectType

from database.base import uuid7
from models.identity import Actor, AppScope, acting_for
from resolvers.context import House
from resolvers.scopes import NOUNS, PERSONAL, ROOTS
from schema.root import graph
from schema.rules_table import guarded, rule_of
from tests.schema.test_rules import DENIED, field_of, first_codes
from tests.schema.test_rules import ROOTS as KINDS
from tests.support.actors import Standing
from tests.support.city import City
from tests.support.minimal_queries import document

SHAPE = graph._schema
FIELDS = [f"{one.parent}.{one.name}" for one in guarded() if one.parent in KINDS]


def app_of(house: House, town: City, *scopes: AppScope) -> Standing:
    """An app of the town's company with these scopes."""
    grants = acting_for(town.company.id)
    return Standing(house, Actor(uuid7(), uuid7(), grants, uuid7(), frozenset(scopes)))


def test_the_list_names_fields_and_types_that_exist_and_that_companies_may_use() -> None:
    assert set(ROOTS) <= set(FIELDS)
    kinds = {name for name, kind in SHAPE.type_map.items() if isinstance(kind, GraphQLObjectType)}
    assert set(NOUNS) <= kinds
    for kind, name in PERSONAL:
        assert name in SHAPE.type_map[kind].fields  # type: ignore[attr-defined] # an object type
    company = Actor(uuid7(), uuid7(), acting_for(uuid7()))
    closed = [
        place
        for place in ROOTS
        if (rule := rule_of(field_of(*place.split(".")))) and not rule.allows(company)
    ]
    assert not closed


@pytest.mark.parametrize("place", FIELDS)
async def test_a_root_field_is_open_to_apps_with_its_scope_alone(
    place: str, house: House, town: City
) -> None:
    parent, _, name = place.partition(".")
    text, variables = document(KINDS[parent], name, field_of(parent, name))
    ask: Any = first_codes if parent == "Subscription" else Standing.codes
    scope = ROOTS.get(place)
    if place in ROOTS:
        least = set(AppScope) if scope else set()
        assert not await ask(app_of(house, town, *least), text, variables) & (DENIED | {"INTERNAL"})
    if scope is None and place in ROOTS:
        return
    lacking = app_of(house, town, *(one for one in AppScope if one is not scope))
    answer_codes = await ask(lacking, text, variables)
    assert answer_codes == {"FORBIDDEN"}
    if scope is not None and parent != "Subscription":
        answer = await lacking.answer(text, variables)
        [error] = answer.errors or []
        assert error["extensions"]["scope"] == scope.token
        assert scope.token in error["message"]


WAYS_AROUND = [
    ("{ node(id: $id) { ... on Order { id } } }", AppScope.ORDERS_READ),
    ("{ node(id: $id) { ...o } } fragment o on Order { code }", AppScope.ORDERS_READ),
    ("{ order(id: $id) { customerName } }", AppScope.CUSTOMERS_READ),
    ("{ order(id: $id) { id delivery { id } } }", AppScope.DELIVERIES_READ),
    ("{ node(id: $id) { ... on Person { phone } } }", AppScope.CUSTOMERS_READ),
    ("{ order(id: $id) { id payment @include(if: false) { id } } }", AppScope.ORDERS_READ),
]


@pytest.mark.parametrize(("text", "scope"), WAYS_AROUND)
async def test_no_way_around_leads_to_a_noun_without_its_scope(
    text: str, scope: AppScope, house: House, town: City
) -> None:
    text = "query ($id: ID!) " + text
    variables = {"id": "ord_AZq3AAAAAAAAAAAAAAAAAA"}
    lacking = app_of(house, town, *(one for one in AppScope if one is not scope))
    answer = await lacking.answer(text, variables)
    assert [one["extensions"].get("scope") for one in answer.errors or []] == [scope.token]
    assert not await app_of(house, town, *AppScope).codes(text, variables) & DENIED


@pytest.mark.parametrize(
    "text",
    [
        "{ viewer { id } }",
        "{ node(id: $id) { ... on Session { id } } }",
    ],
)
async def test_what_no_scope_opens_is_closed_to_all_apps(
    text: str, house: House, town: City
) -> None:
    if "$id" in text:
        text = "query ($id: ID!) " + text
    given = {"id": "ses_AZq3AAAAAAAAAAAAAAAAAA"}
    assert await app_of(house, town, *AppScope).codes(text, given) == {"FORBIDDEN"}
