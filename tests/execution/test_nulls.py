"""Nulls propagate to the nearest nullable parent: every type shape, position and resolver kind."""

# Types are created at run time here, and resolvers return invalid values on purpose.
# mypy: disable-error-code="valid-type"

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import strawberry

from tests.support.execution.field_shapes import (
    Fault,
    Make,
    SchemaUnderTest,
    async_resolver,
    object_type,
    raise_fault,
    sync_resolver,
    typed_field,
)

# graphql-core leaves coroutines un-awaited below a value that was set to null.
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
    "raised": raise_fault,
    "returned": lambda: Fault("an error as a value"),
    "awaitable": lambda: _awaited(2),
    "awaitable fault": lambda: _awaited(Fault("late")),
    "an invalid value": lambda: "no number",
}
MANY: dict[str, Make] = {
    "values": lambda: [1, 2],
    "empty": list,
    "null": lambda: None,
    "a null in it": lambda: [1, None, 2],
    "nulls": lambda: [None, None],
    "raised": raise_fault,
    "an error in it": lambda: [1, Fault("second"), 3],
    "errors": lambda: [Fault("first"), Fault("second")],
    "awaitables": lambda: [_awaited(1), _awaited(None), _awaited(3)],
    "an awaitable error": lambda: [_awaited(1), _awaited(Fault("second")), 3],
    "an invalid value in it": lambda: [1, "no number", None],
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
    pytest.param(wrap, make, resolver, id=f"{shape} {case} {resolver.__name__}")
    for shapes, cases in ((FLAT, ONE), (LISTS, MANY), (NESTED, GRIDS))
    for shape, wrap in shapes.items()
    for case, make in cases.items()
    for resolver in (sync_resolver, async_resolver)
    # A coroutine that returns another one: awaited again here, an error in graphql-core.
    if not (resolver is async_resolver and case.startswith("awaitable") and cases is ONE)
]


@pytest.mark.parametrize(("wrap", "make", "resolver"), CASES)
async def test_a_leaf_of_every_shape(
    wrap: Shape, make: Make, resolver: Callable[[Make], Any]
) -> None:
    inner = object_type(
        "Inner",
        it=typed_field(wrap(int), resolver(make)),
        fine=typed_field(int, sync_resolver(lambda: 5)),
    )
    outer = object_type(
        "Outer",
        strict=typed_field(inner, resolver(inner)),
        maybe=typed_field(inner | None, sync_resolver(inner)),
    )
    schema = SchemaUnderTest(
        object_type(
            "Query",
            strict=typed_field(outer, sync_resolver(outer)),
            maybe=typed_field(outer | None, resolver(outer)),
            many=typed_field(list[outer | None], resolver(lambda: [outer(), None, outer()])),
        )
    )
    document = """{ maybe { maybe { it fine } strict { fine it } }
        many { maybe { it } again: strict { it } } }"""
    await schema.compare(document)
    await schema.compare("{ strict { strict { fine it } maybe { it } } maybe { maybe { fine } } }")


class Box:
    """The value class of the objects in these tests."""

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
    "a value of another type": lambda: [Box(1), 7],
    "an error": lambda: [Fault("no box"), Box(2)],
    "awaitables": lambda: [_awaited(Box(1)), _awaited(Box(None))],
    "no list": lambda: Box(1),
}


@pytest.mark.parametrize("resolver", [sync_resolver, async_resolver], ids=["sync", "async"])
@pytest.mark.parametrize("case", BOXES)
@pytest.mark.parametrize("shape", LISTS)
async def test_an_object_of_every_list(
    shape: str, case: str, resolver: Callable[[Make], Any]
) -> None:
    schema = SchemaUnderTest(
        object_type(
            "Query",
            it=typed_field(LISTS[shape](BoxType), resolver(BOXES[case])),
            beside=typed_field(int | None, sync_resolver(lambda: 3)),
        )
    )
    await schema.compare("{ it { size again: size } beside }")
    await schema.compare("{ beside it { __typename } more: it { size } }")


@pytest.mark.parametrize("depth", [1, 2, 5])
async def test_a_null_propagates_through_all_non_null_levels(depth: int) -> None:
    level = object_type("Level0", it=typed_field(int, sync_resolver(raise_fault)))
    for n in range(1, depth + 1):
        level = object_type(f"Level{n}", it=typed_field(level, sync_resolver(level)))
    query = object_type(
        "Query",
        top=typed_field(level | None, async_resolver(level)),
        all=typed_field(level, sync_resolver(level)),
    )
    schema = SchemaUnderTest(query)
    document = "it { " * depth + "it" + " }" * depth
    answer = await schema.compare(f"{{ top {{ {document} }} }}")
    assert answer.data == {"top": None}
    assert [error["path"] for error in answer.errors or []] == [["top", *["it"] * (depth + 1)]]
    assert (await schema.compare(f"{{ top {{ {document} }} all {{ {document} }} }}")).data is None
