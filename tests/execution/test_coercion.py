"""Coercion of arguments and results: defaults, nulls, variables, enums, scalars that raise."""

# Resolvers return invalid values here on purpose.
# mypy: disable-error-code="misc, return-value, arg-type, valid-type"

from enum import Enum
from typing import Any, NewType

import pytest
import strawberry
from graphql import GraphQLError, StringValueNode, ValueNode
from strawberry.schema.config import StrawberryConfig

from execution import Answer
from tests.support.execution.differential import ExecutorPair, assert_same
from tests.support.execution.field_shapes import (
    Fault,
    SchemaUnderTest,
    object_type,
    sync_resolver,
    typed_field,
)

IDENTITY = strawberry.ID("i")
Even = NewType("Even", int)
Picky = NewType("Picky", object)


@strawberry.enum
class Color(Enum):
    RED = "red"
    GREEN = "green"
    BLUE = strawberry.enum_value("blue", name="SKY")


def _even(value: Any) -> int:
    if not isinstance(value, int) or value % 2:
        raise GraphQLError(f"{value!r} is not even", extensions={"code": "ODD"})
    return value


def _picky(value: Any) -> Any:
    if value == "bad":
        raise Fault("picky")
    return None if value == "nothing" else value


def _read(node: ValueNode, _variables: Any = None) -> Any:
    if isinstance(node, StringValueNode) and node.value != "bad":
        return f"read {node.value}"
    raise Fault("unreadable")


SCALARS = {
    Even: strawberry.scalar(name="Even", serialize=_even, parse_value=_even),
    Picky: strawberry.scalar(
        name="Picky", serialize=_picky, parse_value=_picky, parse_literal=_read
    ),
}


@strawberry.input
class Point:
    x: int
    y: int = 7
    color: Color | None = Color.GREEN
    name: str | None = strawberry.UNSET


@strawberry.input
class Shape:
    points: list[Point]
    middle: Point | None = None
    grid: list[list[int | None]] | None = None
    colors: list[Color] = strawberry.field(default_factory=lambda: [Color.RED])
    inner: "Shape | None" = None


@strawberry.type
class Query:
    @strawberry.field
    def numbers(
        self, a: int = 1, b: float | None = 2.5, c: bool = False, d: str | None = "x",
        e: strawberry.ID = IDENTITY, f: list[int] | None = None,
    ) -> str:  # fmt: skip
        return repr((a, b, c, d, e, f))

    @strawberry.field
    def needed(self, a: int, b: list[str], c: Color) -> str:
        return repr((a, b, c))

    @strawberry.field
    def given(self, shape: Shape | None = None, shapes: list[Shape] | None = None) -> str:
        return repr((shape, shapes))

    @strawberry.field
    def colored(
        self, color: Color = Color.RED, colors: list[Color | None] | None = None
    ) -> list[Color | None]:
        return [color, *(colors or [])]

    @strawberry.field
    def scalars(
        self,
        even: Even | None = Even(2),
        picky: Picky | None = None,
        evens: list[Even] | None = None,
    ) -> str:
        return repr((even, picky, evens))


PAIR = ExecutorPair(strawberry.Schema(Query, config=StrawberryConfig(scalar_map=SCALARS)))
LITERALS = [
    "{ numbers }",
    "{ numbers(a: 5, b: 3, c: true, d: null, e: 12, f: 4) }",
    "{ numbers(b: null, f: null, e: \"3\") a: numbers(f: [1, 2]) b: numbers(f: []) }",
    "{ numbers(a: null) }",
    "{ numbers(a: 2147483648) }",
    "{ numbers(a: 1.0) }",
    "{ numbers(b: \"3\") }",
    "{ numbers(c: 1) }",
    "{ numbers(d: 3) }",
    "{ numbers(f: [1, null]) }",
    "{ numbers(nothing: 1) }",
    "{ needed }",
    "{ needed(a: 1, b: \"one\", c: RED) }",
    "{ needed(a: 1, b: [\"one\", \"two\"], c: SKY) }",
    "{ needed(a: 1, b: null, c: RED) }",
    "{ needed(a: 1, b: [], c: \"RED\") }",
    "{ needed(a: 1, b: [], c: BLUE) }",
    "{ given(shape: {points: {x: 1}}) b: given(shape: null) c: given(shapes: []) }",
    "{ given(shape: {points: [{x: 1, y: null}]}) }",
    "{ given(shape: {points: [{y: 2}]}) }",
    "{ given(shape: {points: [{x: 1, color: null, name: null}], grid: [[1, null], []]}) }",
    "{ given(shape: {points: [], colors: SKY, inner: {points: [{x: 3}], inner: null}}) }",
    "{ given(shape: {points: [], grid: 3}) b: given(shapes: {points: []}) }",
    "{ given(shape: {points: [], middle: {x: 1, z: 2}}) }",
    "{ colored colors: colored(color: GREEN, colors: [SKY, null, RED]) }",
    "{ colored(colors: PURPLE) }",
    "{ scalars a: scalars(even: 4, picky: \"p\", evens: 2) b: scalars(even: null) }",
    "{ scalars(even: 3) }",
    "{ scalars(evens: [2, 3]) }",
    "{ scalars(picky: \"bad\") }",
    "{ scalars(picky: 3) }",
]  # fmt: skip
DECLARED = (
    """query ($a: Int = 4, $b: Float, $d: String = "v", $e: ID, $f: [Int!], $n: Int! = 3,
    $c: Color! = SKY, $cs: [Color], $even: Even, $picky: Picky, $shape: Shape, $x: Int,
    $point: Point = {x: 1, color: RED}, $name: String) {
  plain: numbers(a: $n, b: $b, d: $d, f: $f) ids: numbers(e: "j", f: [1, 2])
  needed(a: $n, b: [$d2, "k"], c: $c) colored(color: $c, colors: $cs)
  given(shape: $shape, shapes: [{points: [$point, {x: $n, y: $n, name: $name}], grid: [[$x, 2]]}])
  scalars(even: $even, picky: $picky)
}""".replace("$d2", '"l"')
    .replace("$e: ID, ", "")
    .replace("$a: Int = 4, ", "")
)
VARIABLES: list[dict[str, Any]] = [
    {},
    {"b": None, "d": None, "f": None, "x": None, "name": None, "point": {"x": 9}},
    {"b": 3, "d": "w", "f": [1], "n": 8, "c": "RED", "cs": ["SKY", None], "even": 4, "x": 1},
    {"f": 7, "cs": "GREEN", "picky": "nothing", "unknown": True, "name": "n"},
    {"n": None},
    {"n": 2**31},
    {"n": "1"},
    {"n": True},
    {"n": 1.5},
    {"b": "x"},
    {"b": float("inf")},
    {"d": 3},
    {"f": [1, None]},
    {"f": {"a": 1}},
    {"c": None},
    {"c": "PURPLE", "cs": [1, "BLUE"]},
    {"even": 3},
    {"picky": "bad"},
    {"shape": {"points": [{"x": 1}, {"x": 2, "y": 3, "color": "SKY", "name": None}]}},
    {"shape": {"points": {"x": 1}, "inner": {"points": [], "grid": [[None], 3]}}},
    {"shape": {"points": [{"x": "1"}, {"y": 2}, 3, None], "extra": 1}},
    {"shape": [], "point": {"x": None}},
    {"shape": {"points": [], "inner": {"points": [{"x": 1, "color": "NO"}]}}},
]


async def compare(query: str, variables: Any = None) -> Answer:
    """The compiled answer, asserted equal to graphql-core's."""
    answers = await PAIR.execute(query, variables, lambda: None)
    assert_same(*answers)
    return answers[0]


@pytest.mark.parametrize("query", LITERALS)
async def test_literal_arguments_are_coerced_alike(query: str) -> None:
    await compare(query)


@pytest.mark.parametrize("variables", VARIABLES, ids=repr)
async def test_variables_are_coerced_alike(variables: dict[str, Any]) -> None:
    assert (await compare(DECLARED, variables)).executed == _is_valid(variables)


def _is_valid(variables: dict[str, Any]) -> bool:
    """Whether these variables are valid: by their index in `VARIABLES`."""
    return VARIABLES.index(variables) in (0, 1, 2, 3, 18, 19)


@pytest.mark.parametrize(
    "query",
    [
        "query ($a: Int) { numbers(a: $a) }",
        "query ($a: Int!) { numbers(a: $a) }",
        "query ($a: Int = 6) { numbers(a: $a) }",
        "query ($a: Int = null) { numbers(a: $a) }",
        "query ($a: Int) { numbers(f: [$a]) }",
        "query ($a: Int! = 2) { numbers(f: [1, $a]) b: numbers(f: $a) }",
        "query ($a: Int = 6) { given(shape: {points: [{x: $a}]}) }",
        "query ($a: Int) { given(shape: {points: [], grid: [[$a, 1]]}) }",
        "query ($a: Int) { given(shape: {points: [{x: 1, y: $a}]}) }",
    ],
)
@pytest.mark.parametrize("variables", [None, {}, {"a": None}, {"a": 5}], ids=repr)
async def test_a_variable_that_is_passed_null_or_omitted(query: str, variables: Any) -> None:
    await compare(query, variables)


LEAVES: dict[str, tuple[Any, list[Any]]] = {
    "Int": (int, [1, 1.0, "1", 1.5, 2**31, -(2**31), True, "x", [], {}, float("nan")]),
    "Float": (float, [1, 1.5, "1.5", float("inf"), True, "x", None, 10**400]),
    "String": (str, ["a", 1, 1.5, True, b"b", [], {}, "\u2028"]),
    "Boolean": (bool, [True, 0, 1, 1.0, "true", float("nan"), []]),
    "ID": (strawberry.ID, ["a", 1, 1.5, True, object, [1]]),
    "Color": (Color, [Color.RED, Color.BLUE, "red", "RED", "purple", 3, None, []]),
    "Even": (Even, [2, 3, "x", None]),
    "Picky": (Picky, ["fine", "bad", "nothing", {"a": [1]}]),
}


@pytest.mark.parametrize("kind", LEAVES)
async def test_leaf_values_are_serialized_alike(kind: str) -> None:
    leaf_type, values = LEAVES[kind]
    fields: dict[str, Any] = {}
    for index, value in enumerate(values):
        fields[f"maybe{index}"] = typed_field(
            leaf_type | None, sync_resolver(lambda value=value: value)
        )
        fields[f"list{index}"] = typed_field(
            list[leaf_type | None], sync_resolver(lambda value=value: [value, value])
        )
        fields[f"strict{index}"] = typed_field(leaf_type, sync_resolver(lambda value=value: value))
    schema = SchemaUnderTest(
        object_type("Query", **fields), config=StrawberryConfig(scalar_map=SCALARS)
    )
    for index in range(len(values)):
        await schema.compare(f"{{ maybe{index} list{index} }}")
        await schema.compare(f"{{ maybe{index} strict{index} }}")
