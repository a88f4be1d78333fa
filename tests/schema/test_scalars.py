"""The scalars of the graph: which values they take, and money without floating point."""

from decimal import Decimal
from typing import Any

import pytest
from graphql import GraphQLError, GraphQLScalarType, parse
from graphql.type import specified_scalar_types

from execution.document.values import NUMBER_CHARACTERS, check_literals
from models.money import Money
from schema.root import graph
from schema.scalars import SAFE_INTEGER

BUILT_IN = {kind.name for kind in specified_scalar_types.values()}
SCALARS = {
    name: kind
    for name, kind in graph._schema.type_map.items()
    if isinstance(kind, GraphQLScalarType) and name not in BUILT_IN
}


def read(scalar: str, value: Any) -> Any:
    return SCALARS[scalar].coerce_input_value(value)


def test_each_scalar_says_where_it_is_specified() -> None:
    assert SCALARS
    assert [name for name, kind in SCALARS.items() if not kind.specified_by_url] == []


@pytest.mark.parametrize("value", [3300, 3300.0, -0.0, SAFE_INTEGER, -SAFE_INTEGER])
def test_a_whole_number_is_a_big_int_however_json_writes_it(value: float) -> None:
    """Clients whose numbers are all floats send 3300.0."""
    assert read("SafeInt", value) == value
    assert type(read("SafeInt", value)) is int


@pytest.mark.parametrize(
    "value", [3300.5, True, "3300", SAFE_INTEGER + 1, 1e300, float("inf"), float("nan"), None, []]
)
def test_anything_else_is_no_big_int(value: Any) -> None:
    with pytest.raises(GraphQLError, match="A SafeInt is a whole number"):
        read("SafeInt", value)


@pytest.mark.parametrize("scalar", ["DateTime", "Date", "LocalTime"])
@pytest.mark.parametrize("value", [1764489600, None, ["2026-11-30"], {}, "", "tomorrow", "\0"])
def test_a_value_that_is_no_time_is_refused_with_the_right_form(scalar: str, value: Any) -> None:
    with pytest.raises(GraphQLError, match="is written"):
        read(scalar, value)


@pytest.mark.parametrize(
    "number", ["9" * 4_301, "-" + "9" * 5_000, "1." + "0" * 4_301, "1e" + "9" * 41]
)
def test_a_number_literal_of_thousands_of_digits_is_refused(number: str) -> None:
    """Python refuses to convert it, which was answered as an internal error."""
    with pytest.raises(GraphQLError, match=f"at most {NUMBER_CHARACTERS} characters"):
        check_literals(parse(f"{{ stockAt(first: {number}) }}"))
    check_literals(parse(f'{{ node(id: "{number}", first: {"9" * NUMBER_CHARACTERS}) }}'))


@pytest.mark.parametrize(
    ("money", "locale", "text"),
    [
        (Money(9007199254740991, "HKD"), "en", "HK$90,071,992,547,409.91"),
        (Money(-9007199254740991, "EUR"), "de", "-90.071.992.547.409,91\N{NO-BREAK SPACE}€"),
        (Money(9007199254740991, "JPY"), "en", "¥9,007,199,254,740,991"),
        (Money(9007199254740991, "KWD"), "en", "KWD9,007,199,254,740.991"),
        (Money(123456, "HKD"), "zh_Hant", "HK$1,234.56"),
    ],
)
def test_the_largest_sum_keeps_its_last_cent(money: Money, locale: str, text: str) -> None:
    """9007199254740991 cents were divided as a float and lost a cent."""
    assert money.formatted(locale) == text


def test_an_amount_has_the_digits_of_its_currency() -> None:
    assert str(Money(1, "EUR").amount) == "0.01"
    assert Money(100, "JPY").amount == Decimal(100)
    assert str(Money(1, "KWD").amount) == "0.001"
