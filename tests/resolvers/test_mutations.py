"""Idempotency keys in the document: equal mutations with the same key have one effect."""

from typing import Any

import pytest

from models.identity import Actor
from services.core.idempotency import MAX_KEY_LENGTH
from tests.support.city import City
from tests.support.graph_queries import GraphAnswer, GraphRunner

ADDRESS_SAVE = (
    "addressSave(input: $input) @idempotent(key: {}) {{ address {{ id }} errors {{ __typename }} }}"
)
LITERAL = "mutation ($input: AddressSaveInput!) {{ {} }}"
VARIABLE = "mutation ($input: AddressSaveInput!, $key: String!) {{ {} }}"


def home(city: City, line: str = "Rua das Flores 1") -> dict[str, Any]:
    return {"input": {"label": "Home", "addressLine": line, "location": city.point}}


def document_with_key(key: str) -> str:
    return LITERAL.format(ADDRESS_SAVE.format(key))


def address_id(answer: GraphAnswer) -> str:
    assert not answer.errors
    return str(answer.data["addressSave"]["address"]["id"])


async def test_a_key_in_the_document_makes_equal_mutations_one(
    ask: GraphRunner, city: City, buyer: Actor
) -> None:
    first = await ask(document_with_key('"a"'), home(city), buyer)
    again = await ask(document_with_key('"a"'), home(city), buyer)
    other = await ask(document_with_key('"b"'), home(city), buyer)
    assert address_id(first) == address_id(again) != address_id(other)
    assert (first.extensions, again.extensions) == ({}, {"replayed": ["a"]})
    reused = await ask(document_with_key('"a"'), home(city, "Rua do Almada 2"), buyer)
    assert reused.codes == ["IDEMPOTENCY_KEY_REUSED"]


async def test_a_key_may_be_a_variable_and_takes_precedence_over_the_header(
    ask: GraphRunner, city: City, buyer: Actor
) -> None:
    document = VARIABLE.format(ADDRESS_SAVE.format("$key"))
    variables = {**home(city), "key": "a"}
    first = await ask(document, variables, buyer, idempotency_key="header 1")
    again = await ask(document, variables, buyer, idempotency_key="header 2")
    assert address_id(first) == address_id(again)
    assert again.extensions == {"replayed": ["a"]}


@pytest.mark.parametrize("key", ["", "k" * (MAX_KEY_LENGTH + 1), "k" * 100_000, "\x07", "a\nb"])
async def test_an_invalid_key_is_refused(
    ask: GraphRunner, city: City, buyer: Actor, key: str
) -> None:
    document = VARIABLE.format(ADDRESS_SAVE.format("$key"))
    answer = await ask(document, {**home(city), "key": key}, buyer)
    assert answer.codes == ["INVALID_INPUT"]
    assert answer.data == {"addressSave": None}
