"""Compiled plans answer as graphql-core does: documents written to be difficult."""

from typing import Any

import pytest
import strawberry
from strawberry.directive import DirectiveLocation, DirectiveValue
from strawberry.extensions import SchemaExtension
from strawberry.schema.config import StrawberryConfig

from execution import Engine
from tests.support.execution.differential import compare
from tests.support.execution.shop_context import Context
from tests.support.execution.shop_schema import schema

LEAVES = "id name tags grid unit weight note margin label __typename"
PRODUCT = f"""{LEAVES}
  price {{ minor currency __typename }} oldPrice {{ minor }} maybeGrid
  boxes {{ size inside {{ size inside {{ size }} }} }}
  brand {{ id name products {{ id brand {{ name }} }} }} maybeBrand {{ name }}
  syncOrLater stepwise checked returnsError maybeFails siblings {{ id }}"""
# fmt: off
DOCUMENTS = [
    f"{{ products {{ {PRODUCT} }} }}",
    f"{{ products(faulty: true, first: 100) {{ {PRODUCT} }} }}",
    f"{{ strictProducts {{ {PRODUCT} }} }}",
    "{ strictProducts(faulty: true) { id } }",
    "{ strictProducts(faulty: true) { id name } now }",
    "{ products(faulty: true) { name price { minor } } }",
    "{ products(first: 100, faulty: true) { note weight unit tags grid boxes { size } } }",
    "{ products(first: 100, faulty: true) { strictBoxes { size } } }",
    "{ products(first: 100, faulty: true) { syncOrLater siblings { name } } }",
    "{ products { broken short missingKey } }",
    "{ products { id brokenStrict } }",
    "{ strictProducts { id brokenStrict } now }",
    "{ products { checked(maxAvailable: 2) a: checkedStrict b: checked(maxAvailable: 3) } }",
    "{ products { id checkedStrict(maxAvailable: 2) } }",
    "{ strictProducts { id checkedStrict(maxAvailable: 4) } }",
    "{ products { secret fails } }",
    "{ products { id secret } }",
    "{ products { maybeFails oldPrice { currency } fails } now }",
    "{ products { staffBrand { name } shelf { id name } } }",
    "{ products { label a: label(prefix: \"my\", loud: true) b: label(loud: false) } }",
    "{ products { within } }",
    "{ products { resolveInfo other: resolveInfo(n: 2) @include(if: true) } }",
    "{ products { within(range: {low: 3, units: [KILOGRAM]}, units: [PIECE, KILOGRAM]) } }",
    "{ products { within(range: {high: null}, units: []) a: within(units: null) } }",
    "{ named { __typename id name ... on Product { price { minorUnits } brand { id } } } }",
    "{ named(faulty: true) { __typename id } }",
    ("{ named { ...N ... on Brand { products { id } } ... on Bundle { first { id } } } }"
     " fragment N on Named { id ...P name } fragment P on Product { tags id brand { name } }"),
    ("{ offers { __typename ... on Named { name } ... on Product { brand { name } price { minor } }"
     " ... on Bundle { products { name brand { name } } } } }"),
    "{ offers(faulty: true) { ... on Named { id } } now }",
    "{ mixed { __typename ... on Product { id } ... on Brand { id products { id } } } }",
    "{ awaitedItems notAList generated now }",
    "{ filtered }",
    "{ filtered(filter: {}) again: filtered(default: {low: 1, units: []}) }",
    "{ filtered(filter: {name: null, range: {low: 2}, ranges: [{}, null, {high: 4}]}) }",
    "{ filtered(filter: {name: \"x\", low: 1, either: [{name: null}, {either: []}]}) }",
    "{ filtered(filter: {nested: [[1, 2], []], basis: 3}) }",
    "{ filtered(filter: {low: null}) }",
    "{ filtered(filter: null) b: filtered(filter: {ranges: {low: 1}, nested: 3}) }",
    "{ keyed(key: {byId: 3}) b: keyed(key: {byName: \"n\"}, keys: [{byId: 1}, {byName: \"b\"}]) }",
    "{ keyed(key: {byId: 3, byName: \"n\"}) }",
    "{ crash }",
    "{ now crash products { id } }",
    "{ a: now b: now ...F ... on Query { c: now } } fragment F on Query { b: now d: now }",
    "{ products { id } products { name price { minor } } ... { products { price { currency } } } }",
    "{ products { b: name a: id ...F } } fragment F on Product { a: id c: note b: name }",
    "{ __typename x: __typename products { y: __typename } }",
    "{ echo(uuid: \"7b0d4a3e-5d5a-4c64-9be5-2a0fc4f4a111\", amount: \"3.10\") }",
    "{ echo(uuid: \"not one\") now }",
    f"{{ product(id: 3) {{ {PRODUCT} }} other: product(id: 99) {{ id }} }}",
    ("{ __schema { queryType { name } types { name kind fields(includeDeprecated: true) { name"
     " args { name defaultValue type { name ofType { name } } } } enumValues { name }"
     " possibleTypes { name } } directives { name locations } } now }"),
    "{ __type(name: \"Product\") { name description interfaces { name } fields { name } } }",
    "mutation { a: write(what: \"a\") { id brand { name } } b: write(what: \"b\") { id } }",
    "mutation { a: write(what: \"a\", fail: true) { id } b: must(what: \"b\") __typename }",
    "mutation { a: write(what: \"a\") { id } b: must(what: \"fail\") c: must(what: \"c\") }",
    "{ products { nothing } }",
    "{ products { id }",
    "",
    "fragment F on Query { now }",
]
# fmt: on


@pytest.mark.parametrize("staff", [False, True], ids=["customer", "staff"])
@pytest.mark.parametrize("query", DOCUMENTS)
async def test_a_written_document_is_answered_as_graphql_core_answers_it(
    query: str, staff: bool
) -> None:
    await compare(schema, query, None, lambda: Context(staff))


CONDITIONAL = """query ($a: Boolean!, $b: Boolean = true, $c: Boolean) {
  now @include(if: $a) products @skip(if: $b) { id ...F @include(if: $a) }
  ... @skip(if: $a) @include(if: $b) { generated } products { name @skip(if: true) tags }
  crash: now @include(if: $c)
} fragment F on Product { note @skip(if: $b) unit }"""


@pytest.mark.parametrize(
    "variables",
    [
        {"a": a, "b": b, "c": c}
        for a in (True, False)
        for b in (True, False)
        for c in (True, False, None)
    ]
    + [{"a": True, "c": True}, {"a": False}, {"a": True, "b": None}, {}, {"a": "yes"}],
)
async def test_skip_and_include_select_the_same_fields(variables: dict[str, Any]) -> None:
    await compare(schema, CONDITIONAL, variables, Context)


VARIABLES = """query (
  $range: Range, $units: [Unit!], $first: Int = 2, $uuid: UUID!, $amount: Decimal! = "2", $at: Int!
) {
  products(first: $first) { within(range: $range, units: $units) checked(maxAvailable: $at)
    label(prefix: $nothing) }
  echo(uuid: $uuid, amount: $amount, range: {low: $at})
}"""


@pytest.mark.parametrize(
    "variables",
    [
        {"uuid": "7b0d4a3e-5d5a-4c64-9be5-2a0fc4f4a111", "at": 1},
        {"uuid": "7b0d4a3e-5d5a-4c64-9be5-2a0fc4f4a111", "at": 1, "first": None},
        {"uuid": "x", "location": 2**40, "range": {"low": "one"}, "units": ["BARREL"], "first": []},
        {
            "uuid": "7b0d4a3e-5d5a-4c64-9be5-2a0fc4f4a111",
            "at": 3,
            "range": {"high": 4, "units": ["KILOGRAM"]},
            "units": "PIECE",
            "unknown": 1,
        },
    ],
)
async def test_variables_are_coerced_alike(variables: dict[str, Any]) -> None:
    query = VARIABLES.replace("(prefix: $nothing)", " resolveInfo")
    await compare(schema, query, variables, Context)


@strawberry.directive(locations=[DirectiveLocation.FIELD])
def twice(value: DirectiveValue[str], upper: bool = False) -> str:
    return (value.upper() if upper else value) * 2


@strawberry.type
class Greeting:
    @strawberry.field
    async def hello(self) -> str:
        return "hello"


async def test_a_directive_of_the_schema_is_left_to_graphql_core() -> None:
    greeting = strawberry.Schema(Greeting, directives=[twice])
    query = "query { a: hello @twice(upper: true) hello ...F } fragment F on Greeting { b: hello }"
    answer = await compare(greeting, query, None, Context)
    assert answer.data == {"a": "HELLOHELLO", "hello": "hello", "b": "hello"}


@strawberry.type
class Slow:
    @strawberry.field
    async def hello(self) -> str:
        return "hello"

    @strawberry.field
    def parts(self) -> list[int]:
        return [1, 2]

    @strawberry.field
    def fails(self) -> str | None:
        raise ValueError("late")


DEFERRED = """query ($later: Boolean = true) {
  ...F @defer(label: "f", if: $later) parts @stream(initialCount: 1)
  ... @defer { fails again: hello @include(if: $later) }
} fragment F on Slow { hello ... @defer { inner: hello } }"""


@pytest.mark.parametrize("variables", [{}, {"later": False}])
async def test_deferred_and_streamed_parts_are_in_the_first_answer(
    variables: dict[str, Any],
) -> None:
    config = StrawberryConfig(enable_experimental_incremental_execution=True)
    answer = await compare(strawberry.Schema(Slow, config=config), DEFERRED, variables, Context)
    again = {"again": "hello"} if not variables else {}
    assert answer.data == {
        "hello": "hello", "inner": "hello", "parts": [1, 2], "fails": None, **again,
    }  # fmt: skip
    assert [error["path"] for error in answer.errors or []] == [["fails"]]


def test_a_schema_with_extensions_is_refused() -> None:
    with pytest.raises(TypeError, match="extensions"):
        Engine(strawberry.Schema(Greeting, extensions=[SchemaExtension]))


@pytest.mark.parametrize(
    "filter",
    [
        None,
        {},
        {"name": None},
        {"low": None},
        {"name": "x", "low": 2, "range": {"units": ["PIECE"]}, "nested": [[1]], "basis": 4},
        {"either": [{"either": [{"ranges": [None, {"high": None}]}]}]},
        {"either": "no"},
    ],
)
async def test_input_objects_are_converted_alike(filter: dict[str, Any] | None) -> None:
    fields = "{ filtered(filter: $f) b: filtered(filter: {either: [], nested: $n}) }"
    query = f"query ($f: Filter, $n: [[Int!]!] = [[9]]) {fields}"
    await compare(schema, query, {"f": filter}, Context)


@pytest.mark.parametrize("key", [{"byId": "1"}, {"byName": None}, {}, {"byId": 1, "byName": "n"}])
async def test_one_of_inputs_are_converted_alike(key: dict[str, Any]) -> None:
    query = "query ($k: OneKey!, $ks: [OneKey!]) { keyed(key: $k, keys: $ks) }"
    await compare(schema, query, {"k": key}, Context)
    await compare(schema, query, {"k": {"byId": 5}, "ks": [key]}, Context)


async def test_a_document_that_uses_an_unknown_variable_is_refused_alike() -> None:
    answer = await compare(schema, VARIABLES, {}, Context)
    assert not answer.executed
