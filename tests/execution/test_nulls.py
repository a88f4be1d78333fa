"""Nulls and errors rise to the nearest place that may be null: every shape, place and way."""

# Types are made at run time here, and resolvers answer what they should not: that is the point.
# mypy: disable-error-code="valid-type"

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import strawberry

from tests.support.execution.field_shapes import Fault, Ground, Make, asked, fails, later, made, now

# Where a null has taken a place away, what was still to be awaited there is let go.
pytestmark = pytest.mark.filterwarnings(
    "ignore:coroutine .* was never awaited", "ignore::pytest.PytestUnraisableExceptionWarning"
)
Shape = Callable[[Any], Any]
FLAT: dict[str, Shape] = {
    "T": lambda t: t | None,
    "T!": lambda t: t,
}
LISTS: dict[str, Shape] = {
    "[T]": lambda t: list[t | None] | None,
    "[T]!": lambda t: list[t | None],
    "[T!]": lambda t: list[t] | None,
    "[T!]!": lambda t: list[t],
}


def _in_list(wrap: Shape, end: str, t: Any) -> Any:
    inner = wrap(t)
    return list[inner] if end else list[inner] | None


NESTED: dict[str, Shape] = {
    f"[{inner}]{end}": partial(_in_list, wrap, end)
    for inner, wrap in LISTS.items()
    for end in ("", "!")
}


async def _awaited(value: Any) -> Any:
    if isinstance(value, Exception):
        raise value
    return value


ONE: dict[str, Make] = {
    "value": lambda: 1,
    "null": lambda: None,
    "raised": fails,
    "returned": lambda: Fault("an error as a value"),
    "awaitable": lambda: _awaited(2),
    "awaitable fault": lambda: _awaited(Fault("late")),
    "misfit": lambda: "no number",
}
MANY: dict[str, Make] = {
    "values": lambda: [1, 2],
    "empty": list,
    "null": lambda: None,
    "a null in it": lambda: [1, None, 2],
    "nulls": lambda: [None, None],
    "raised": fails,
    "an error in it": lambda: [1, Fault("second"), 3],
    "errors": lambda: [Fault("first"), Fault("second")],
    "awaitables": lambda: [_awaited(1), _awaited(None), _awaited(3)],
    "an awaitable error": lambda: [_awaited(1), _awaited(Fault("second")), 3],
    "a misfit in it": lambda: [1, "no number", None],
    "a tuple": lambda: (1, 2),
    "a generator": lambda: (n for n in (1, None)),
    "no list": lambda: 7,
    "text": lambda: "12",
}
GRIDS: dict[str, Make] = {
    "values": lambda: [[1], [2, 3]],
    "a null row": lambda: [[1], None, [2]],
    "a null in a row": lambda: [[1, None], [2]],
    "empty rows": lambda: [[], []],
    "null": lambda: None,
    "an error for a row": lambda: [[1], Fault("second row"), [3]],
    "an error in a row": lambda: [[1, Fault("deep")], [2]],
    "errors in rows": lambda: [[Fault("one"), 1], [2, Fault("two")], [3]],
    "an awaitable row": lambda: [_awaited([1, None]), [_awaited(2)]],
    "no row": lambda: [[1], 2],
}
CASES = [
    pytest.param(wrap, make, way, id=f"{shape} {case} {way.__name__}")
    for shapes, cases in ((FLAT, ONE), (LISTS, MANY), (NESTED, GRIDS))
    for shape, wrap in shapes.items()
    for case, make in cases.items()
    for way in (now, later)
    # A coroutine that answers another one is awaited on here, and a fault to graphql-core.
    if not (way is later and case.startswith("awaitable") and cases is ONE)
]


@pytest.mark.parametrize(("wrap", "make", "way"), CASES)
async def test_a_leaf_of_every_shape(wrap: Shape, make: Make, way: Callable[[Make], Any]) -> None:
    inner = made("Inner", it=asked(wrap(int), way(make)), fine=asked(int, now(lambda: 5)))
    outer = made("Outer", strict=asked(inner, way(inner)), maybe=asked(inner | None, now(inner)))
    ground = Ground(made(
        "Query", strict=asked(outer, now(outer)), maybe=asked(outer | None, way(outer)),
        many=asked(list[outer | None], way(lambda: [outer(), None, outer()])),
    ))  # fmt: skip
    document = """{ maybe { maybe { it fine } strict { fine it } }
        many { maybe { it } again: strict { it } } }"""
    await ground.told(document)
    await ground.told("{ strict { strict { fine it } maybe { it } } maybe { maybe { fine } } }")


class Box:
    """What the objects of these tests are made of."""

    def __init__(self, size: Any = 1) -> None:
        self.size = size


@strawberry.type(name="Box")
class BoxType:
    size: int

    @classmethod
    def is_type_of(cls, value: object, _info: object) -> bool:
        return isinstance(value, Box)


BOXES: dict[str, Make] = {
    "boxes": lambda: [Box(1), Box(2)],
    "a null": lambda: [Box(1), None],
    "one without its size": lambda: [Box(1), Box(None), Box(3)],
    "one of a faulty size": lambda: [Box("large"), Box(2)],
    "all of faulty sizes": lambda: [Box(None), Box("large")],
    "a stranger": lambda: [Box(1), 7],
    "an error": lambda: [Fault("no box"), Box(2)],
    "awaitables": lambda: [_awaited(Box(1)), _awaited(Box(None))],
    "no list": lambda: Box(1),
}


@pytest.mark.parametrize("way", [now, later], ids=["now", "later"])
@pytest.mark.parametrize("case", BOXES)
@pytest.mark.parametrize("shape", LISTS)
async def test_an_object_of_every_list(shape: str, case: str, way: Callable[[Make], Any]) -> None:
    ground = Ground(made(
        "Query", it=asked(LISTS[shape](BoxType), way(BOXES[case])),
        beside=asked(int | None, now(lambda: 3)),
    ))  # fmt: skip
    await ground.told("{ it { size again: size } beside }")
    await ground.told("{ beside it { __typename } more: it { size } }")


@pytest.mark.parametrize("depth", [1, 2, 5])
async def test_a_null_rises_through_as_many_levels_as_must_not_be_null(depth: int) -> None:
    level = made("Level0", it=asked(int, now(fails)))
    for n in range(1, depth + 1):
        level = made(f"Level{n}", it=asked(level, now(level)))
    query = made("Query", top=asked(level | None, later(level)), all=asked(level, now(level)))
    ground = Ground(query)
    document = "it { " * depth + "it" + " }" * depth
    answer = await ground.told(f"{{ top {{ {document} }} }}")
    assert answer.data == {"top": None}
    assert [one["path"] for one in answer.errors or []] == [["top", *["it"] * (depth + 1)]]
    assert (await ground.told(f"{{ top {{ {document} }} all {{ {document} }} }}")).data is None
