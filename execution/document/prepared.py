"""A document that was parsed, measured and validated: ready to run."""

from dataclasses import dataclass, field
from typing import Any, Literal

from graphql import (
    REMOVE,
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLDeferDirective,
    GraphQLError,
    GraphQLSchema,
    GraphQLStreamDirective,
    InlineFragmentNode,
    OperationDefinitionNode,
    Visitor,
    get_operation_ast,
    visit,
)
from graphql.type.directives import GraphQLDisableErrorPropagationDirective

from execution.document.cost import Cost
from execution.planning.collect import (
    INCLUDE,
    SKIP,
    condition_variables,
    directives_of,
    fragments_of,
)

OperationKind = Literal["query", "mutation", "subscription"]
UNDERSTOOD = {SKIP, INCLUDE}
LATER = {GraphQLDeferDirective.name, GraphQLStreamDirective.name}
NO_PROPAGATION = GraphQLDisableErrorPropagationDirective.name


@dataclass(slots=True, eq=False)
class Prepared:
    """One operation of a valid document; kept and shared between requests with the same text."""

    operation_type: OperationKind
    operation_name: str | None
    cost: int
    """The static cost in fields, by the page sizes in the text and usual ones for variables."""
    root_fields: tuple[str, ...]
    document: DocumentNode
    operation: OperationDefinitionNode
    fragments: dict[str, FragmentDefinitionNode]
    conditions: tuple[str, ...]
    """The variables that @skip and @include look at."""
    sizes: tuple[str, ...]
    """The variables that hold page sizes."""
    foreign: bool
    """Whether it holds directives that only graphql-core carries out."""
    plans: dict[tuple[Any, ...], Any] = field(default_factory=dict)
    costs: dict[tuple[Any, ...], int] = field(default_factory=dict)
    reach: frozenset[tuple[str, str]] | None = None
    """The fields that it names with their types, once somebody has asked."""


def prepare(schema: GraphQLSchema, document: DocumentNode, name: str | None) -> Prepared:
    """The operation called `name`, or the only one, of a valid document.

    A server may answer at once what @defer and @stream allow it to answer later; this one does.
    """
    operation = _operation(document, name)
    fragments = fragments_of(document)
    directives = list(directives_of(operation, fragments))
    if any(node.name.value in LATER for node in directives):
        return prepare(schema, visit(document, _AtOnce()), name)
    cost = Cost(schema, operation, fragments, {})
    on_operation = {node.name.value for node in operation.directives or ()}
    return Prepared(
        operation_type=operation.operation.value,
        operation_name=operation.name.value if operation.name else None,
        cost=cost.total(),
        root_fields=_root_fields(operation, fragments),
        document=document,
        operation=operation,
        fragments=fragments,
        conditions=condition_variables(directives),
        sizes=tuple(sorted(cost.sizes)),
        foreign=NO_PROPAGATION in on_operation
        or any(node.name.value not in UNDERSTOOD for node in directives),
    )


class _AtOnce(Visitor):
    """Takes @defer and @stream out of a document."""

    def enter_directive(self, node: DirectiveNode, *_: Any) -> Any:
        return REMOVE if node.name.value in LATER else None


def _operation(document: DocumentNode, name: str | None) -> OperationDefinitionNode:
    operation = get_operation_ast(document, name)
    if operation is not None:
        return operation
    if name is not None:
        raise GraphQLError(f"Unknown operation named '{name}'.")
    raise GraphQLError("Must provide operation name if query contains multiple operations.")


def _root_fields(
    operation: OperationDefinitionNode, fragments: dict[str, FragmentDefinitionNode]
) -> tuple[str, ...]:
    names: dict[str, None] = {}
    waiting = [operation.selection_set]
    met: set[str] = set()
    while waiting:
        for node in waiting.pop(0).selections:
            if isinstance(node, FieldNode):
                names[node.name.value] = None
            elif isinstance(node, InlineFragmentNode):
                waiting.append(node.selection_set)
            elif isinstance(node, FragmentSpreadNode) and node.name.value not in met:
                met.add(node.name.value)
                waiting.append(fragments[node.name.value].selection_set)
    return tuple(names)
