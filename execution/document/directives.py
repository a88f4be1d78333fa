"""Fragments and directives of a document, and the variables that @skip and @include use."""

from collections.abc import Iterable, Iterator, Mapping

from graphql import (
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLIncludeDirective,
    GraphQLSkipDirective,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
)

SKIP = GraphQLSkipDirective.name
INCLUDE = GraphQLIncludeDirective.name


def fragments_by_name(document: DocumentNode) -> dict[str, FragmentDefinitionNode]:
    """The fragment definitions of a document by name."""
    return {
        node.name.value: node
        for node in document.definitions
        if isinstance(node, FragmentDefinitionNode)
    }


def selection_directives(
    operation: OperationDefinitionNode, fragments: Mapping[str, FragmentDefinitionNode]
) -> Iterator[DirectiveNode]:
    """Yield every directive on a selection that the operation reaches, each fragment once."""
    pending: list[SelectionSetNode] = [operation.selection_set]
    visited: set[str] = set()
    while pending:
        for node in pending.pop().selections:
            yield from node.directives or ()
            if isinstance(node, FragmentSpreadNode):
                name = node.name.value
                if name not in visited:
                    visited.add(name)
                    pending.append(fragments[name].selection_set)
            elif isinstance(node, FieldNode | InlineFragmentNode) and node.selection_set:
                pending.append(node.selection_set)


def condition_variables(directives: Iterable[DirectiveNode]) -> tuple[str, ...]:
    """The sorted names of the variables in @skip and @include: each combination needs a plan."""
    names = {
        argument.value.name.value
        for directive in directives
        if directive.name.value in (SKIP, INCLUDE)
        for argument in directive.arguments or ()
        if isinstance(argument.value, VariableNode)
    }
    return tuple(sorted(names))
