"""Every element of the schema has a description, in plain technical English."""

import re
from collections.abc import Iterator

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
)

from schema.root import graph

SHAPE = graph._schema
OWN = {name: kind for name, kind in SHAPE.type_map.items() if not name.startswith("__")}


# Words of conversation, which say less than a noun: "Why the zone stays as it is", "What you did".
CONVERSATION = re.compile(
    r"\b(you|your|yours|oneself|told|tells?|said|says?|whoever|whose turn|stays as|as it stands"
    r"|what \w+ did|taken up|goes (?:on|off)|speaks? of|hears? of|for others than|anew)\b",
    re.IGNORECASE,
)


def _descriptions() -> Iterator[tuple[str, str]]:
    """Yield the description of every type, field, argument and enum value by its coordinate."""
    for name, kind in OWN.items():
        yield name, kind.description or ""
        parts = getattr(kind, "fields", None) or getattr(kind, "values", {})
        for part_name, part in parts.items():
            yield f"{name}.{part_name}", part.description or ""
            for argument_name, argument in getattr(part, "args", {}).items():
                yield f"{name}.{part_name}({argument_name}:)", argument.description or ""


def test_descriptions_do_without_conversation() -> None:
    """A description is a noun phrase or says what a mutation does, and addresses nobody."""
    assert not [f"{name}: {text}" for name, text in _descriptions() if CONVERSATION.search(text)]


def test_every_type_has_a_description() -> None:
    assert not [name for name, kind in OWN.items() if not kind.description]


def test_every_field_argument_and_input_field_has_a_description() -> None:
    undescribed = []
    for name, kind in OWN.items():
        if not isinstance(kind, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType):
            continue
        for field_name, field in kind.fields.items():
            if not field.description:
                undescribed.append(f"{name}.{field_name}")
            for argument_name, argument in getattr(field, "args", {}).items():
                if not argument.description:
                    undescribed.append(f"{name}.{field_name}({argument_name}:)")
    assert not undescribed


def test_every_enum_has_a_description() -> None:
    kinds = [kind for kind in OWN.values() if isinstance(kind, GraphQLEnumType)]
    assert kinds
    assert not [kind.name for kind in kinds if len(kind.description or "") < 10]


def test_every_enum_value_has_a_description() -> None:
    """371 values had none: clients read a status without knowing what it means."""
    kinds = [kind for kind in OWN.values() if isinstance(kind, GraphQLEnumType)]
    assert not [
        f"{kind.name}.{name}"
        for kind in kinds
        for name, value in kind.values.items()
        if not value.description
    ]


def test_every_directive_and_its_arguments_have_a_description() -> None:
    assert not [directive.name for directive in SHAPE.directives if not directive.description]
    assert not [
        f"@{directive.name}({name}:)"
        for directive in SHAPE.directives
        for name, argument in directive.args.items()
        if not argument.description
    ]
