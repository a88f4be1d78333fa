"""Which fields a selection asks of one object type, fragments folded in and equal keys merged."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from graphql import (
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLIncludeDirective,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLSkipDirective,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    VariableNode,
    get_argument_values,
    is_abstract_type,
)
from graphql.execution import VariableValues

SKIP = GraphQLSkipDirective.name
INCLUDE = GraphQLIncludeDirective.name
Group = list[FieldNode]


@dataclass(frozen=True, slots=True)
class Collector:
    """Collects under one answer to every @skip and @include (`conditions` holds the variables)."""

    schema: GraphQLSchema
    fragments: Mapping[str, FragmentDefinitionNode]
    conditions: VariableValues

    def collect(
        self, object_type: GraphQLObjectType, selection_sets: Iterable[SelectionSetNode]
    ) -> dict[str, Group]:
        """The field nodes by response key, in the order in which the answer has them."""
        groups: dict[str, Group] = {}
        met: set[str] = set()
        for selection_set in selection_sets:
            self._visit(object_type, selection_set.selections, groups, met)
        return groups

    def _visit(
        self,
        object_type: GraphQLObjectType,
        selections: Sequence[SelectionNode],
        groups: dict[str, Group],
        met: set[str],
    ) -> None:
        for node in selections:
            if not self._included(node.directives or ()):
                continue
            if isinstance(node, FieldNode):
                groups.setdefault((node.alias or node.name).value, []).append(node)
            elif isinstance(node, InlineFragmentNode):
                if self._applies(node, object_type):
                    self._visit(object_type, node.selection_set.selections, groups, met)
            elif isinstance(node, FragmentSpreadNode) and node.name.value not in met:
                met.add(node.name.value)
                fragment = self.fragments[node.name.value]
                if self._applies(fragment, object_type):
                    self._visit(object_type, fragment.selection_set.selections, groups, met)

    def _included(self, directives: Sequence[DirectiveNode]) -> bool:
        for directive in directives:
            name = directive.name.value
            if name == SKIP and self._condition(GraphQLSkipDirective, directive):
                return False
            if name == INCLUDE and not self._condition(GraphQLIncludeDirective, directive):
                return False
        return True

    def _condition(self, definition: object, node: DirectiveNode) -> bool:
        values = get_argument_values(definition, node, self.conditions)  # type: ignore[arg-type] # a directive
        return bool(values["if"])

    def _applies(
        self, node: InlineFragmentNode | FragmentDefinitionNode, object_type: GraphQLObjectType
    ) -> bool:
        if node.type_condition is None:
            return True
        condition = self.schema.get_type(node.type_condition.name.value)
        if condition is object_type:
            return True
        return is_abstract_type(condition) and self.schema.is_sub_type(condition, object_type)


def fragments_of(document: DocumentNode) -> dict[str, FragmentDefinitionNode]:
    """The document's fragments by name."""
    return {
        node.name.value: node
        for node in document.definitions
        if isinstance(node, FragmentDefinitionNode)
    }


def directives_of(
    operation: OperationDefinitionNode, fragments: Mapping[str, FragmentDefinitionNode]
) -> Iterator[DirectiveNode]:
    """Every directive on the selections that the operation reaches."""
    waiting: list[SelectionSetNode] = [operation.selection_set]
    met: set[str] = set()
    while waiting:
        for node in waiting.pop().selections:
            yield from node.directives or ()
            if isinstance(node, FragmentSpreadNode):
                name = node.name.value
                if name not in met:
                    met.add(name)
                    waiting.append(fragments[name].selection_set)
            elif isinstance(node, FieldNode | InlineFragmentNode) and node.selection_set:
                waiting.append(node.selection_set)


def condition_variables(directives: Iterable[DirectiveNode]) -> tuple[str, ...]:
    """The variables on which @skip and @include depend: they decide which plan is needed."""
    names = {
        argument.value.name.value
        for directive in directives
        if directive.name.value in (SKIP, INCLUDE)
        for argument in directive.arguments or ()
        if isinstance(argument.value, VariableNode)
    }
    return tuple(sorted(names))
