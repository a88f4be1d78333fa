"""App scopes: listed root fields and types require their scope, others are forbidden."""

import re
from typing import Any

import pytest
from graphql import GraphQLInputObjectType, GraphQLObjectType, get_named_type

from database.base import uuid7
from models.identity import Actor, AppScope, app_grants
from resolvers.context import Container
from resolvers.rules import rule_of
from resolvers.scopes import PERSONAL_FIELD_SCOPES, ROOT_FIELD_SCOPES, TYPE_SCOPES
from schema.root import graph
from schema.rules_table import guarded_fields
from tests.schema.test_rules import DENIED, field_of, first_codes
from tests.schema.test_rules import ROOTS as KINDS
from tests.support.actors import ActorClient
from tests.support.city import City
from tests.support.minimal_queries import minimal_document

SHAPE = graph._schema
FIELDS = [f"{each.parent}.{each.name}" for each in guarded_fields() if each.parent in KINDS]

# What a mutation returns besides its problems takes the scope to read it as well.
ENTITIES = re.compile(r" \w+ \{ __typename \}")

# A document that somebody saw, a code that somebody gave them, and why they do without it.
IN_PERSON = {"AgeCheckDocument", "DeliveryOverrideReason", "pin", "handoverCode", "returnCode"}


def app_of(container: Container, shared_city: City, *scopes: AppScope) -> ActorClient:
    """Return a client for an app of the city's company with these scopes."""
    grants = app_grants(shared_city.company.id)
    return ActorClient(container, Actor(uuid7(), uuid7(), grants, uuid7(), frozenset(scopes)))


def test_the_list_names_existing_fields_and_types_that_companies_may_use() -> None:
    assert set(ROOT_FIELD_SCOPES) <= set(FIELDS)
    kinds = {name for name, kind in SHAPE.type_map.items() if isinstance(kind, GraphQLObjectType)}
    assert set(TYPE_SCOPES) <= kinds
    for kind, name in PERSONAL_FIELD_SCOPES:
        assert name in SHAPE.type_map[kind].fields  # type: ignore[attr-defined] # an object type
    company = Actor(uuid7(), uuid7(), app_grants(uuid7()))
    forbidden = [
        element
        for element in ROOT_FIELD_SCOPES
        if (rule := rule_of(field_of(*element.split(".")))) and not rule.allows(company)
    ]
    assert not forbidden


def words_of_inputs(kind: Any) -> set[str]:
    """The names of all inputs under an argument, and of their types."""
    named = get_named_type(kind)
    words = {named.name}
    for name, value in named.fields.items() if isinstance(named, GraphQLInputObjectType) else ():
        words |= {name} | words_of_inputs(value.type)
    return words


def test_what_a_person_saw_is_stated_by_no_app() -> None:
    """An app recorded that it saw a passport, and handed bags over without the customer's code."""
    assert SHAPE.mutation_type is not None
    in_person = {
        name
        for name, field in SHAPE.mutation_type.fields.items()
        if IN_PERSON & set().union(*(words_of_inputs(one.type) for one in field.args.values()))
    }
    assert in_person >= {
        "posSaleCreate", "deliveryCheckAge", "deliveryComplete", "deliveryPickUp",
        "deliveryReturn", "fulfillmentCheckAge", "fulfillmentCollect",
    }  # fmt: skip
    assert not {f"Mutation.{name}" for name in in_person} & ROOT_FIELD_SCOPES.keys()


@pytest.mark.parametrize("scope", AppScope)
def test_every_scope_opens_a_field(scope: AppScope) -> None:
    """tickets:read opened two types, and no field that leads to one."""
    opened = {*ROOT_FIELD_SCOPES.values(), *PERSONAL_FIELD_SCOPES.values()}
    assert scope in opened


@pytest.mark.parametrize("element", FIELDS)
async def test_a_root_field_requires_its_scope_of_apps(
    element: str, container: Container, shared_city: City
) -> None:
    parent, _, name = element.partition(".")
    text, variables = minimal_document(KINDS[parent], name, field_of(parent, name))
    ask: Any = first_codes if parent == "Subscription" else ActorClient.codes
    scope = ROOT_FIELD_SCOPES.get(element)
    if element in ROOT_FIELD_SCOPES:
        app_with_scope = app_of(container, shared_city, *({scope} if scope else ()))
        alone = text if parent != "Mutation" else ENTITIES.sub("", text)
        assert not await ask(app_with_scope, alone, variables) & (DENIED | {"INTERNAL"})
    if scope is None and element in ROOT_FIELD_SCOPES:
        return
    app_without_scope = app_of(
        container, shared_city, *(each for each in AppScope if each is not scope)
    )
    answer_codes = await ask(app_without_scope, text, variables)
    assert answer_codes == {"FORBIDDEN"}
    if scope is not None and parent != "Subscription":
        answer = await app_without_scope.answer(text, variables)
        [error] = answer.errors or []
        assert error["extensions"]["scope"] == scope.token
        assert scope.token in error["message"]


PATHS_TO_TYPES = [
    ("{ node(id: $id) { ... on Order { id } } }", AppScope.ORDERS_READ),
    ("{ node(id: $id) { ...o } } fragment o on Order { code }", AppScope.ORDERS_READ),
    ("{ order(id: $id) { customerName } }", AppScope.CUSTOMERS_READ),
    ("{ order(id: $id) { id delivery { id } } }", AppScope.DELIVERIES_READ),
    ("{ node(id: $id) { ... on User { phone } } }", AppScope.CUSTOMERS_READ),
    ("{ order(id: $id) { id payment @include(if: false) { id } } }", AppScope.ORDERS_READ),
]


@pytest.mark.parametrize(("text", "scope"), PATHS_TO_TYPES)
async def test_a_type_requires_its_scope_on_every_path(
    text: str, scope: AppScope, container: Container, shared_city: City
) -> None:
    text = "query ($id: ID!) " + text
    variables = {"id": "ord_AZq3AAAAAAAAAAAAAAAAAA"}
    app_without_scope = app_of(
        container, shared_city, *(each for each in AppScope if each is not scope)
    )
    answer = await app_without_scope.answer(text, variables)
    assert [error["extensions"].get("scope") for error in answer.errors or []] == [scope.token]
    assert not await app_of(container, shared_city, *AppScope).codes(text, variables) & DENIED


@pytest.mark.parametrize(
    "text",
    [
        "{ viewer { id } }",
        "{ node(id: $id) { ... on Session { id } } }",
    ],
)
async def test_unlisted_fields_are_forbidden_to_all_apps(
    text: str, container: Container, shared_city: City
) -> None:
    if "$id" in text:
        text = "query ($id: ID!) " + text
    variables = {"id": "ses_AZq3AAAAAAAAAAAAAAAAAA"}
    assert await app_of(container, shared_city, *AppScope).codes(text, variables) == {"FORBIDDEN"}
