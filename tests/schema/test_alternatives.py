"""Alternatives are `@oneOf` inputs: a client's types and both executors allow exactly one."""

import re
from typing import Any

import pytest
from graphql import (
    GraphQLError,
    GraphQLInputObjectType,
    GraphQLList,
    OperationDefinitionNode,
    get_variable_values,
    parse,
)

from attack.extremes.samples import sample_value
from execution import Engine, PreparedOperation
from schema.root import graph

INPUTS = [
    kind for kind in graph._schema.type_map.values() if isinstance(kind, GraphQLInputObjectType)
]
CHOICES = [kind for kind in INPUTS if kind.is_one_of]
each_choice = pytest.mark.parametrize("kind", CHOICES, ids=lambda kind: kind.name)
SAYS_SO = re.compile(r"\b(alternatively|either this|not with)\b", re.IGNORECASE)
# Members of inputs in which both may be given, or neither.
INDEPENDENT = {
    "FulfillmentCheckAgeInput.birthDate": "neither is given when there is no document",
    "DeliveryCheckAgeInput.birthDate": "neither is given when there is no document",
    "PosAgeCheckInput.birthDate": "neither is given when there is no document",
    "StockAdjustInput.delta": "the total takes what the caller has read, the difference does not",
    "StockCountStartInput.productIds": "a category and an aisle may be combined",
}


def errors_of(kind: GraphQLInputObjectType, value: object) -> list[GraphQLError]:
    """The errors of a variable of an input type."""
    [operation] = parse(f"query ($v: {kind.name}!) {{ __typename }}").definitions
    assert isinstance(operation, OperationDefinitionNode)
    found = get_variable_values(graph._schema, operation.variable_definitions or (), {"v": value})
    return found if isinstance(found, list) else []


def test_there_are_alternatives() -> None:
    assert {"OrderDestinationInput", "DeliveryDestinationInput"} <= {kind.name for kind in CHOICES}


@each_choice
def test_a_variable_gives_exactly_one_alternative(kind: GraphQLInputObjectType) -> None:
    samples: dict[str, Any] = {
        name: sample_value(
            field.type.of_type if isinstance(field.type, GraphQLList) else field.type
        )
        for name, field in kind.fields.items()
    }
    assert len(samples) > 1
    for name, value in samples.items():
        assert errors_of(kind, {name: value}) == []
        assert errors_of(kind, {name: None})
        for other in samples.keys() - {name}:
            assert errors_of(kind, {name: value, other: samples[other]})
            assert errors_of(kind, {name: value, other: None})
    assert errors_of(kind, {})


@pytest.mark.parametrize(
    ("given", "allowed"),
    [
        ('{addressId: "x"}', True),
        ("{addressId: $id}", True),
        ("{}", False),
        ("{addressId: null}", False),
        ('{addressId: "x", pickupStoreId: "y"}', False),
        ("{addressId: $maybe}", False),
    ],
)
def test_a_document_gives_exactly_one_alternative(given: str, allowed: bool) -> None:
    """Both executors, GET, POST and sockets validate by the same cache of documents."""
    name = given.partition("$")[2].rstrip("}")
    declared = {"id": "($id: ID!)", "maybe": "($maybe: ID)"}.get(name, "")
    document = (
        f"mutation {declared} {{ orderPlace(input: {{destination: {given}}})"
        " { errors { __typename } } }"
    )
    prepared = Engine(graph).prepare(document)
    assert isinstance(prepared, PreparedOperation) is allowed


def test_what_is_described_as_an_alternative_is_one() -> None:
    """ "Either this or a code" is checked by no client's types."""
    wrong = [
        f"{kind.name}.{name}: {field.description}"
        for kind in INPUTS
        if not kind.is_one_of
        for name, field in kind.fields.items()
        if SAYS_SO.search(field.description or "") and f"{kind.name}.{name}" not in INDEPENDENT
    ]
    assert not wrong
