"""An operation of a document that was parsed, measured and validated: ready to execute."""

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

from execution.document.cost import CostEstimator
from execution.document.directives import (
    INCLUDE,
    SKIP,
    condition_variables,
    fragments_by_name,
    selection_directives,
)

OperationKind = Literal["query", "mutation", "subscription"]
SUPPORTED_DIRECTIVES = {SKIP, INCLUDE}
INCREMENTAL_DIRECTIVES = {GraphQLDeferDirective.name, GraphQLStreamDirective.name}
NO_ERROR_PROPAGATION = GraphQLDisableErrorPropagationDirective.name


@dataclass(slots=True, eq=False)
class PreparedOperation:
    """One operation of a valid document, cached and shared by requests with the same text."""

    operation_type: OperationKind
    operation_name: str | None
    cost: int
    """The static cost in fields; page sizes in variables count as assumed sizes."""
    root_cost: int
    """The part of it that the root fields cost by themselves, each time that they are selected."""
    root_fields: tuple[str, ...]
    document: DocumentNode
    operation: OperationDefinitionNode
    fragments: dict[str, FragmentDefinitionNode]
    condition_variables: tuple[str, ...]
    """The variables that @skip and @include depend on."""
    size_variables: tuple[str, ...]
    """The variables that hold page sizes."""
    requires_graphql_core: bool
    """True if it has directives that only graphql-core executes."""
    plans: dict[tuple[Any, ...], Any] = field(default_factory=dict)
    costs: dict[tuple[Any, ...], int] = field(default_factory=dict)
    referenced_fields: frozenset[tuple[str, str]] | None = None
    """Cache of `referenced_fields`."""


def prepare(schema: GraphQLSchema, document: DocumentNode, name: str | None) -> PreparedOperation:
    """Prepare the operation called `name`, or the only one, of a valid document.

    The directives @defer and @stream are removed: the specification allows a server to send
    everything in the first response.
    """
    operation = _operation(document, name)
    fragments = fragments_by_name(document)
    directives = list(selection_directives(operation, fragments))
    if any(node.name.value in INCREMENTAL_DIRECTIVES for node in directives):
        return prepare(schema, visit(document, _RemoveIncremental()), name)
    estimator = CostEstimator(schema, operation, fragments, {})
    on_operation = {node.name.value for node in operation.directives or ()}
    return PreparedOperation(
        operation_type=operation.operation.value,
        operation_name=operation.name.value if operation.name else None,
        cost=estimator.total(),
        root_cost=estimator.root_total(),
        root_fields=_root_fields(operation, fragments),
        document=document,
        operation=operation,
        fragments=fragments,
        condition_variables=condition_variables(directives),
        size_variables=tuple(sorted(estimator.size_variables)),
        requires_graphql_core=NO_ERROR_PROPAGATION in on_operation
        or any(node.name.value not in SUPPORTED_DIRECTIVES for node in directives),
    )


class _RemoveIncremental(Visitor):
    """Removes @defer and @stream from a document."""

    def enter_directive(self, node: DirectiveNode, *_: Any) -> Any:
        return REMOVE if node.name.value in INCREMENTAL_DIRECTIVES else None


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
    pending = [operation.selection_set]
    visited: set[str] = set()
    while pending:
        for node in pending.pop(0).selections:
            if isinstance(node, FieldNode):
                names[node.name.value] = None
            elif isinstance(node, InlineFragmentNode):
                pending.append(node.selection_set)
            elif isinstance(node, FragmentSpreadNode) and node.name.value not in visited:
                visited.add(node.name.value)
                pending.append(fragments[node.name.value].selection_set)
    return tuple(names)
