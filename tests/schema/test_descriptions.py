"""Every element of the schema has a description."""

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
)

from schema.root import graph

SHAPE = graph._schema
OWN = {name: kind for name, kind in SHAPE.type_map.items() if not name.startswith("__")}


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


def test_every_directive_and_its_arguments_have_a_description() -> None:
    assert not [directive.name for directive in SHAPE.directives if not directive.description]
    assert not [
        f"@{directive.name}({name}:)"
        for directive in SHAPE.directives
        for name, argument in directive.args.items()
        if not argument.description
    ]
