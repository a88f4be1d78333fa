"""Documents that ask every field with arguments for values that it refuses, at every object."""

from collections.abc import Iterator
from typing import Any

from graphql import (
    GraphQLObjectType,
    SelectionSetNode,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    ast_from_value,
    get_named_type,
    is_leaf_type,
    is_required_argument,
    parse,
    print_ast,
    visit,
)

from attack.extremes.samples import sample_value
from execution import Answer
from tests.support.walk.graph_walk import SHAPE, object_types

# Values that pass the types of the graph and that resolvers refuse, by the name of the argument.
REFUSED_VALUES = {
    "after": "?",
    "categoryId": "?",
    "depth": 99,
    "first": 0,
    "id": "?",
    "ids": ["?"] * 101,
    "locale": "?",
    "toleranceMeters": -1.0,
}
ALIAS = "refused_"


def fields_with_arguments() -> set[tuple[str, str]]:
    """Every field below the roots that has arguments, as the names of its type and of itself."""
    return {
        (kind.name, name)
        for kind in object_types()
        for name, declared in kind.fields.items()
        if declared.args
    }


def refused_calls(kind: GraphQLObjectType) -> Iterator[str]:
    """The fields of a type, each with one refused value for each of its arguments."""
    for name, declared in kind.fields.items():
        below = "" if is_leaf_type(get_named_type(declared.type)) else " { __typename }"
        for refused in declared.args.keys() & REFUSED_VALUES.keys():
            values = {
                key: REFUSED_VALUES[key] if key == refused else sample_value(one.type, key)
                for key, one in declared.args.items()
                if key == refused or is_required_argument(one)
            }
            texts = [
                f"{key}: {print_ast(ast_from_value(value, declared.args[key].type))}"  # type: ignore[arg-type] # never None
                for key, value in values.items()
            ]
            yield f"{ALIAS}{kind.name}_{name}_{refused}: {name}({', '.join(texts)}){below}"


class _Adder(Visitor):
    """Adds the refused calls to each selection of a type below the root."""

    def __init__(self, types: TypeInfo) -> None:
        super().__init__()
        self.types = types

    def enter_selection_set(self, node: SelectionSetNode, *_: Any) -> SelectionSetNode | None:
        kind = self.types.get_parent_type()
        if not isinstance(kind, GraphQLObjectType) or not (calls := list(refused_calls(kind))):
            return None
        if kind in (SHAPE.query_type, SHAPE.mutation_type, SHAPE.subscription_type):
            return None
        [added] = parse(f"{{ {' '.join(calls)} }}").definitions
        return SelectionSetNode(selections=(*node.selections, *added.selection_set.selections))  # type: ignore[attr-defined] # an operation


def with_refused_fields(document: str) -> str:
    """A document that also asks, at every object that it selects, what is refused there."""
    types = TypeInfo(SHAPE)
    return print_ast(visit(parse(document), TypeInfoVisitor(types, _Adder(types))))


def refused_field(alias: object) -> tuple[str, str] | None:
    """The names of the type and of the field that stands behind an alias of `refused_calls`."""
    if not isinstance(alias, str) or not alias.startswith(ALIAS):
        return None
    kind, name, _ = alias.removeprefix(ALIAS).split("_")
    return kind, name


def lost_parent(answer: Answer, path: list[str | int]) -> bool:
    """Whether the null of an error has spread further up than to the field itself."""
    value = answer.data
    for key in path[:-1]:
        if value is None:
            return True
        value = value[key]
    return value is None
