"""Interfaces and unions: which type a value is of, what happens when none fits, what is merged."""

# Types are made at run time here, and resolvers answer what they should not: that is the point.
# mypy: disable-error-code="valid-type, arg-type, misc, var-annotated"

from typing import Annotated, Any

import pytest
import strawberry

from tests.support.execution.field_shapes import Fault, Ground, asked, later, made, now


class Dog:
    name, barks, friend = "Odie", True, None


class Cat:
    name, meows = "Garfield", False
    friend = Dog()


class Strange:
    name = "stranger"


@strawberry.interface
class Pet:
    name: str
    friend: "Pet | None"


@strawberry.interface
class Loud:
    name: str


def is_a(kind: type) -> Any:
    """The usual test of a value."""

    def is_type_of(cls: type, value: object, _info: object) -> bool:
        return isinstance(value, kind)

    return classmethod(is_type_of)


@strawberry.type(name="Dog")
class DogType(Pet, Loud):
    barks: bool
    is_type_of = is_a(Dog)

    @strawberry.field
    def sound(self, loud: bool = False) -> str:
        return "WOOF" if loud else "woof"


@strawberry.type(name="Cat")
class CatType(Pet):
    meows: bool
    is_type_of = is_a(Cat)

    @strawberry.field
    async def sound(self, loud: bool = False) -> str:
        return "MEOW" if loud else "meow"


Animal = Annotated[DogType | CatType, strawberry.union("Animal")]
VALUES: dict[str, Any] = {
    "both": lambda: [Dog(), Cat()],
    "one many times": lambda: [Dog(), Dog(), None, Dog()],
    "a stranger": lambda: [Dog(), Strange(), Cat()],
    "a number": lambda: [3],
    "an error": lambda: [Cat(), Fault("ran away")],
}
DOCUMENTS = {
    "a type condition for each": """{ it { __typename ... on Dog { name barks sound }
        ... on Cat { sound(loud: true) meows name } } }""",
    "fields of an interface": "{ it { ... on Pet { name friend { name __typename } } } }",
    "an interface that not all have": "{ it { ... on Loud { name } ... on Cat { meows } } }",
    "a condition within another": """{ it { ... on Pet { ... on Dog { barks name }
        ... on Pet { ... on Loud { again: name } name } } } }""",
    "fragments that meet in one field": """{ it { ...A ...B ... on Pet { friend { ...A } } } }
        fragment A on Pet { name friend { name } }
        fragment B on Dog { friend { __typename again: name } barks name }""",
    "the same in another order": """{ it { ... on Dog { barks friend { again: name } } ...A } }
        fragment A on Pet { friend { name ... on Dog { barks } } name }""",
    "one alias of each type": "{ it { ... on Dog { what: barks } ... on Cat { what: meows } } }",
    "arguments apart by type": "{ it { ... on Dog { sound(loud: true) } ... on Cat { sound } } }",
    "nothing for a type": "{ it { ... on Cat { name } } }",
    "skipped and included": """query ($no: Boolean = false) { it { ... on Dog @include(if: $no) {
        barks } ...C @skip(if: $no) __typename } }
        fragment C on Cat { meows @skip(if: $no) name friend @include(if: true) { name } }""",
}


@pytest.mark.parametrize("way", [now, later], ids=["now", "later"])
@pytest.mark.parametrize("kind", [Animal, Pet], ids=["union", "interface"])
@pytest.mark.parametrize("values", VALUES)
async def test_values_of_abstract_types(values: str, kind: Any, way: Any) -> None:
    """Every document at once for a schema, which costs more to make than to ask."""
    query = made(
        "Query", it=asked(list[kind | None], way(VALUES[values])),
        strict=asked(list[kind], way(VALUES[values])),
        first=asked(kind | None, way(lambda: VALUES[values]()[0])),
    )  # fmt: skip
    ground = Ground(query, types=[DogType, CatType])
    for document in DOCUMENTS.values():
        for field in ("it", "strict", "it: first"):
            asks = document.replace("it {", f"{field} {{", 1)
            assert (await ground.told(asks)).executed


async def _of(value: Any) -> Any:
    return value


def _raise(_value: object) -> Any:
    raise Fault("nobody knows")


@pytest.mark.parametrize(
    "answer",
    [lambda _: "Horse", lambda _: "Query", lambda _: "Named", lambda _: "", lambda _: None,
     lambda _: 7, _raise, lambda value: type(value).__name__ + "Kind"],
    ids=["unknown", "no member", "abstract", "empty", "none", "a number", "raises", "right"],
)  # fmt: skip
async def test_an_interface_that_says_which_type_it_is(answer: Any) -> None:
    @strawberry.interface
    class Named:
        name: str

        @classmethod
        def resolve_type(cls, value: Any, _info: Any, _type: Any) -> Any:
            return answer(value)

    @strawberry.type
    class DogKind(Named):
        barks: bool
        is_type_of = is_a(Dog)

    query = made(
        "Query", one=asked(Named | None, now(Dog)), strict=asked(Named, later(Dog)),
        many=asked(list[Named | None], now(lambda: [Dog(), Dog()])),
    )  # fmt: skip
    ground = Ground(query, types=[DogKind])
    for document in (
        "{ one { name } many { __typename name } }",
        "{ strict { name } one { name } }",
    ):
        await ground.told(document)


@pytest.mark.parametrize("fault", ["false", "raises", "later", "later false", "later raises"])
async def test_a_type_that_judges_its_values(fault: str) -> None:
    def judge(_cls: type, _value: object, _info: object) -> Any:
        if fault == "raises":
            raise Fault("no judgment")
        return {"false": False, "later": _of(True), "later false": _of(False)}.get(fault, _late())

    async def _late() -> bool:
        raise Fault("a late judgment")

    @strawberry.type
    class Thing:
        name: str
        is_type_of = classmethod(judge)

    query = made(
        "Query", one=asked(Thing | None, now(Strange)), beside=asked(int, now(lambda: 1)),
        many=asked(list[Thing | None], later(lambda: [Strange(), None, Strange()])),
    )  # fmt: skip
    ground = Ground(query)
    await ground.told("{ one { name } beside }")
    await ground.told("{ many { name } one { again: name } }")
