"""Equal mutations with the same key are one, whichever way the key comes."""

from typing import Any

import pytest

from models.identity import Actor
from services.core.idempotency import KEY_LENGTH
from tests.support.city import City
from tests.support.graph_queries import Asking, Told

SAVED = (
    "addressSave(input: $input) @idempotent(key: {}) {{ address {{ id }} errors {{ __typename }} }}"
)
LITERAL = "mutation ($input: AddressSaveInput!) {{ {} }}"
VARIABLE = "mutation ($input: AddressSaveInput!, $key: String!) {{ {} }}"


def home(city: City, line: str = "Rua das Flores 1") -> dict[str, Any]:
    return {"input": {"label": "Home", "line": line, "at": city.point}}


def keyed(key: str) -> str:
    return LITERAL.format(SAVED.format(key))


def made(told: Told) -> str:
    assert not told.errors
    return str(told.data["addressSave"]["address"]["id"])


async def test_a_key_in_the_document_makes_equal_mutations_one(
    ask: Asking, city: City, buyer: Actor
) -> None:
    first = await ask(keyed('"a"'), home(city), buyer)
    again = await ask(keyed('"a"'), home(city), buyer)
    other = await ask(keyed('"b"'), home(city), buyer)
    assert made(first) == made(again) != made(other)
    assert (first.extensions, again.extensions) == ({}, {"replayed": ["a"]})
    reused = await ask(keyed('"a"'), home(city, "Rua do Almada 2"), buyer)
    assert reused.codes == ["IDEMPOTENCY_KEY_REUSED"]


async def test_a_key_may_be_a_variable_and_goes_before_the_header(
    ask: Asking, city: City, buyer: Actor
) -> None:
    document = VARIABLE.format(SAVED.format("$key"))
    variables = {**home(city), "key": "a"}
    first = await ask(document, variables, buyer, idempotency_key="header 1")
    again = await ask(document, variables, buyer, idempotency_key="header 2")
    assert made(first) == made(again)
    assert again.extensions == {"replayed": ["a"]}


@pytest.mark.parametrize("key", ["", "k" * (KEY_LENGTH + 1), "k" * 100_000, "\0", "a\nb"])
async def test_what_is_no_key_is_refused(ask: Asking, city: City, buyer: Actor, key: str) -> None:
    document = VARIABLE.format(SAVED.format("$key"))
    told = await ask(document, {**home(city), "key": key}, buyer)
    assert told.codes == ["INVALID_INPUT"]
    assert told.data == {}
