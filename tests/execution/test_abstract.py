"""Interfaces and unions: type resolution, values of no possible type, merged fragments."""

# Types are created at run time here, and resolvers return invalid values on purpose.
# mypy: disable-error-code="valid-type, arg-type, misc, var-annotated"

from typing import Annotated, Any

import pytest
import strawberry

from tests.support.execution.field_shapes import (
    Fault,
    SchemaUnderTest,
    async_resolver,
    object_type,
    sync_resolver,
    typed_field,
)


class Dog:
    name, barks, friend = "Odie", True, None


class Cat:
    name, meows = "Garfield", False
    friend = Dog()


class Stranger:
    name = "stranger"


@strawberry.interface
class Pet:
    name: str
    friend: "Pet | None"


@strawberry.interface
class Loud:
    name: str


def is_a(kind: type) -> Any:
    """The usual `is_type_of`: an instance check."""

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
    "a value of no type": lambda: [Dog(), Stranger(), Cat()],
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


@pytest.mark.parametrize("resolver", [sync_resolver, async_resolver], ids=["sync", "async"])
@pytest.mark.parametrize("kind", [Animal, Pet], ids=["union", "interface"])
@pytest.mark.parametrize("values", VALUES)
async def test_values_of_abstract_types(values: str, kind: Any, resolver: Any) -> None:
    """One test runs all documents, since a schema takes longer to build than to execute."""
    query = object_type(
        "Query",
        it=typed_field(list[kind | None], resolver(VALUES[values])),
        strict=typed_field(list[kind], resolver(VALUES[values])),
        first=typed_field(kind | None, resolver(lambda: VALUES[values]()[0])),
    )
    schema = SchemaUnderTest(query, types=[DogType, CatType])
    for document in DOCUMENTS.values():
        for field in ("it", "strict", "it: first"):
            query = document.replace("it {", f"{field} {{", 1)
            assert (await schema.compare(query)).executed


async def _of(value: Any) -> Any:
    return value


def _raise(_value: object) -> Any:
    raise Fault("unknown")


@pytest.mark.parametrize(
    "answer",
    [lambda _: "Horse", lambda _: "Query", lambda _: "Named", lambda _: "", lambda _: None,
     lambda _: 7, _raise, lambda value: type(value).__name__ + "Kind"],
    ids=["unknown", "no member", "abstract", "empty", "none", "a number", "raises", "right"],
)  # fmt: skip
async def test_an_interface_with_resolve_type(answer: Any) -> None:
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

    query = object_type(
        "Query",
        one=typed_field(Named | None, sync_resolver(Dog)),
        strict=typed_field(Named, async_resolver(Dog)),
        many=typed_field(list[Named | None], sync_resolver(lambda: [Dog(), Dog()])),
    )
    schema = SchemaUnderTest(query, types=[DogKind])
    for document in (
        "{ one { name } many { __typename name } }",
        "{ strict { name } one { name } }",
    ):
        await schema.compare(document)


@pytest.mark.parametrize("fault", ["false", "raises", "later", "later false", "later raises"])
async def test_a_type_with_is_type_of(fault: str) -> None:
    def check(_cls: type, _value: object, _info: object) -> Any:
        if fault == "raises":
            raise Fault("failed check")
        if fault == "false":
            return False
        return _late() if fault == "later raises" else _of(fault == "later")

    async def _late() -> bool:
        raise Fault("failed late check")

    @strawberry.type
    class Thing:
        name: str
        is_type_of = classmethod(check)

    query = object_type(
        "Query",
        one=typed_field(Thing | None, sync_resolver(Stranger)),
        beside=typed_field(int, sync_resolver(lambda: 1)),
        many=typed_field(
            list[Thing | None], async_resolver(lambda: [Stranger(), None, Stranger()])
        ),
    )
    schema = SchemaUnderTest(query)
    await schema.compare("{ one { name } beside }")
    await schema.compare("{ many { name } one { again: name } }")
