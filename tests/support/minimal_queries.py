"""Builds minimal valid documents for fields: every required argument gets a sample value."""

from typing import Any

from graphql import (
    GraphQLField,
    GraphQLObjectType,
    GraphQLUnionType,
    get_named_type,
    is_leaf_type,
    is_required_argument,
)

from attack.extremes.samples import Ids, contains_id, sample_value


def minimal_document(
    operation: str, name: str, field: GraphQLField, ids: Ids | None = None
) -> tuple[str, dict[str, Any]]:
    """Return the text of an operation with one root field, and its variables."""
    used = {
        argument: declared
        for argument, declared in field.args.items()
        if is_required_argument(declared) or (ids is not None and contains_id(declared.type))
    }
    heads = ", ".join(f"${argument}: {declared.type}" for argument, declared in used.items())
    arguments = ", ".join(f"{argument}: ${argument}" for argument in used)
    head = f"{operation} ({heads})" if used else operation
    call = f"{name}({arguments})" if used else name
    argument_list = {
        argument: sample_value(item.type, argument, ids) for argument, item in used.items()
    }
    return f"{head} {{ {call} {selection(field)} }}", argument_list


def selection(field: GraphQLField) -> str:
    """Return a selection of types and errors, which shows whether objects are null."""
    kind = get_named_type(field.type)
    if is_leaf_type(kind):
        return ""
    return "{ __typename " + " ".join(_children(kind)) + " }"


def _children(kind: Any) -> list[str]:
    if not isinstance(kind, GraphQLObjectType) or not kind.name.endswith("Payload"):
        return []
    selected = []
    for name, field in kind.fields.items():
        child = get_named_type(field.type)
        if isinstance(child, GraphQLUnionType):
            selected.append(f"{name} {{ __typename ... on Problem {{ path message }} }}")
        elif not is_leaf_type(child):
            selected.append(f"{name} {{ __typename }}")
    return selected
