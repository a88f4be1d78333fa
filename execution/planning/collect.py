"""Collects the fields selected of one object type: expands fragments, merges response keys."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from graphql import (
    DirectiveNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLIncludeDirective,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLSkipDirective,
    InlineFragmentNode,
    SelectionNode,
    SelectionSetNode,
    get_argument_values,
    is_abstract_type,
)
from graphql.execution import VariableValues

from execution.document.directives import INCLUDE, SKIP

Group = list[FieldNode]


@dataclass(frozen=True, slots=True)
class FieldCollector:
    """CollectFields of the GraphQL specification for fixed values of @skip and @include.

    `conditions` holds the values of the variables that those directives use.
    """

    schema: GraphQLSchema
    fragments: Mapping[str, FragmentDefinitionNode]
    conditions: VariableValues

    def collect(
        self, object_type: GraphQLObjectType, selection_sets: Iterable[SelectionSetNode]
    ) -> dict[str, Group]:
        """The field nodes by response key, in the order of the response."""
        groups: dict[str, Group] = {}
        visited: set[str] = set()
        for selection_set in selection_sets:
            self._visit(object_type, selection_set.selections, groups, visited)
        return groups

    def _visit(
        self,
        object_type: GraphQLObjectType,
        selections: Sequence[SelectionNode],
        groups: dict[str, Group],
        visited: set[str],
    ) -> None:
        for node in selections:
            if not self._is_included(node.directives or ()):
                continue
            if isinstance(node, FieldNode):
                groups.setdefault((node.alias or node.name).value, []).append(node)
            elif isinstance(node, InlineFragmentNode):
                if self._matches_type(node, object_type):
                    self._visit(object_type, node.selection_set.selections, groups, visited)
            elif isinstance(node, FragmentSpreadNode) and node.name.value not in visited:
                visited.add(node.name.value)
                fragment = self.fragments[node.name.value]
                if self._matches_type(fragment, object_type):
                    self._visit(object_type, fragment.selection_set.selections, groups, visited)

    def _is_included(self, directives: Sequence[DirectiveNode]) -> bool:
        for directive in directives:
            name = directive.name.value
            if name == SKIP and self._condition_value(GraphQLSkipDirective, directive):
                return False
            if name == INCLUDE and not self._condition_value(GraphQLIncludeDirective, directive):
                return False
        return True

    def _condition_value(self, definition: object, node: DirectiveNode) -> bool:
        values = get_argument_values(definition, node, self.conditions)  # type: ignore[arg-type] # a directive
        return bool(values["if"])

    def _matches_type(
        self, node: InlineFragmentNode | FragmentDefinitionNode, object_type: GraphQLObjectType
    ) -> bool:
        if node.type_condition is None:
            return True
        condition = self.schema.get_type(node.type_condition.name.value)
        if condition is object_type:
            return True
        return is_abstract_type(condition) and self.schema.is_sub_type(condition, object_type)
