"""Compiles the selection sets of an operation into selections, steps and completers."""

from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import Any

import strawberry
from graphql import (
    FieldNode,
    GraphQLObjectType,
    GraphQLOutputType,
    SelectionSetNode,
    get_named_type,
    is_abstract_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
)
from strawberry.types.field import StrawberryField

from execution.document.cost import DEFINITION, field_cost
from execution.planning.collect import FieldCollector
from execution.planning.context_dependencies import CALLER, field_dependencies
from execution.planning.field_metadata import (
    NEEDED,
    embedded_object,
    needed_attributes,
    reader_of,
)
from execution.runtime.arguments import ArgumentConverter
from execution.runtime.completers import Completer, LeafCompleter, ListCompleter
from execution.runtime.field_position import CollectedField, ResponsePosition
from execution.runtime.object_completers import AbstractCompleter, ObjectCompleter
from execution.runtime.selection import LeafField, Selection
from execution.runtime.steps import (
    AttributeStep,
    BatchStep,
    FieldStep,
    GraphQLCoreStep,
    ReaderStep,
    ResolverStep,
)

TYPENAME = "__typename"
Keys = tuple[str, ...]
Nullable = tuple[bool, ...]


class PlanCompiler:
    """Compiles collected fields into completers and steps."""

    def __init__(self, schema: strawberry.Schema, collector: FieldCollector) -> None:
        self._schema = schema
        self._core = schema._schema
        self._collector = collector
        self._has_exception_handlers = bool(schema.exception_handlers)
        self._plain_attributes = schema.config.default_resolver is getattr
        self.context_dependencies: set[str] = set()
        """The parts of the context that the compiled fields depend on."""

    def selection(
        self,
        object_type: GraphQLObjectType,
        selection_sets: Sequence[SelectionSetNode],
        keys: Keys,
        nullable: Nullable,
    ) -> Selection:
        """Compile what `selection_sets`, all at one position, select of `object_type`."""
        template: dict[str, Any] = {}
        leaves: list[LeafField] = []
        steps: list[FieldStep] = []
        cost = 0
        for key, nodes in self._collector.collect(object_type, selection_sets).items():
            name = nodes[0].name.value
            if name == TYPENAME:
                template[key] = object_type.name
                continue
            definition = self._core.get_field(object_type, name)
            if definition is None:
                continue  # Validation rejects it; graphql-core skips it as well.
            template[key] = None
            declaration: Any = definition.extensions.get(DEFINITION)
            cost += field_cost(declaration)
            field = CollectedField(
                key, name, nodes, definition, object_type, declaration, (*keys, key)
            )
            completer = self._completer(definition.type, ResponsePosition(field, nullable))
            if self._is_leaf(field):
                self.context_dependencies |= field_dependencies(declaration)
                leaves.append(LeafField(key, declaration.python_name, completer, reader_of(field)))
            elif (embedded := embedded_object(field, completer)) is not None:
                self.context_dependencies |= field_dependencies(declaration)
                leaves.append(LeafField(key, name, completer, reader_of(field), embedded))
            else:
                steps.append(self._step(field, completer))
        return Selection(template, leaves, steps, cost)

    def _completer(self, output: GraphQLOutputType, parent: ResponsePosition) -> Completer:
        may_be_null = not is_non_null_type(output)
        position = parent.item(may_be_null)
        if is_non_null_type(output):
            output = output.of_type
        if is_list_type(output):
            return ListCompleter(position, self._completer(output.of_type, position))
        if is_leaf_type(output):
            return LeafCompleter(position, output)
        if is_object_type(output):
            return self._object(position, output)
        if is_abstract_type(output):
            # The selections of its types are compiled when a value of them is first completed.
            self.context_dependencies.add(CALLER)
            return AbstractCompleter(
                position, output, self._core, lambda of_type: self._object(position, of_type)
            )
        raise TypeError(f"{output} can't be sent")

    def _object(
        self, position: ResponsePosition, object_type: GraphQLObjectType
    ) -> ObjectCompleter:
        sets = _selection_sets(position.field.nodes)
        selection = self.selection(object_type, sets, position.field.keys, position.nullable)
        return ObjectCompleter(position, object_type, selection)

    def _is_leaf(self, field: CollectedField) -> bool:
        return (
            self._is_attribute(field)
            and (self._plain_attributes or reader_of(field) is not None)
            and is_leaf_type(get_named_type(field.definition.type))
        )

    def _is_attribute(self, field: CollectedField) -> bool:
        declaration = field.strawberry
        return (
            declaration is not None
            and self._is_plain(declaration)
            and (declaration.base_resolver is None or reader_of(field) is not None)
            and field.parent_type is not self._core.subscription_type
        )

    def _is_plain(self, field: StrawberryField) -> bool:
        """Whether the resolver alone decides the value: no extensions, no exception handlers."""
        return (
            not field.extensions
            and not self._has_exception_handlers
            and type(field).get_result is StrawberryField.get_result
        )

    def _step(self, field: CollectedField, completer: Completer) -> FieldStep:
        declaration = field.strawberry
        if declaration is not None and field.parent_type is self._core.subscription_type:
            return AttributeStep(field, completer, lambda event: event)
        if declaration is None or not self._is_plain(declaration):
            self.context_dependencies.add(CALLER)
            return GraphQLCoreStep(field, completer)
        self.context_dependencies |= field_dependencies(declaration)
        reader = reader_of(field)
        if reader is not None:
            return ReaderStep(field, completer, reader)
        metadata = declaration.metadata
        if "batch" in metadata and "by" in metadata and not field.definition.args:
            fields = self._selected_names(field) if metadata.get("pass_fields") else None
            if metadata.get("pass_attributes"):
                fields = self._selected_attributes(field.definition.type, field.nodes)
            return BatchStep(field, completer, declaration, fields)
        if declaration.base_resolver is not None:
            converter = ArgumentConverter(self._schema, declaration)
            step = ResolverStep(field, completer, declaration, declaration.base_resolver, converter)
            if metadata.get("pass_attributes"):
                step.constants = {NEEDED: self._page_attributes(field)}
            return step
        read, name = self._schema.config.default_resolver, declaration.python_name
        if self._plain_attributes:
            return AttributeStep(field, completer, attrgetter(name))
        return AttributeStep(field, completer, lambda parent: read(parent, name))

    def _selected_attributes(
        self, output: GraphQLOutputType, nodes: Sequence[FieldNode]
    ) -> frozenset[str] | None:
        """The attributes that the fields selected below `nodes` need; None if they are unknown."""
        named = get_named_type(output)
        if not is_object_type(named):
            return None
        needed: set[str] = set()
        for selected in self._collector.collect(named, _selection_sets(nodes)).values():
            if selected[0].name.value == TYPENAME:
                continue
            definition = named.fields.get(selected[0].name.value)
            declaration = definition.extensions.get(DEFINITION) if definition is not None else None
            attributes = needed_attributes(declaration)
            if attributes is None:
                return None
            needed.update(attributes)
        return frozenset(needed)

    def _page_attributes(self, field: CollectedField) -> frozenset[str] | None:
        """The attributes that the rows of a connection need; None if they are unknown."""
        needed: frozenset[str] = frozenset()
        for output, nodes in self._rows_of_page(field):
            attributes = self._selected_attributes(output, nodes)
            if attributes is None:
                return None
            needed |= attributes
        return needed

    def _rows_of_page(
        self, field: CollectedField
    ) -> Iterator[tuple[GraphQLOutputType, Sequence[FieldNode]]]:
        """The positions at which a connection shows its rows: `nodes`, and `node` of `edges`."""
        positions = [(field.definition.type, field.nodes)]
        while positions:
            output, at = positions.pop()
            named: Any = get_named_type(output)
            for selected in self._collector.collect(named, _selection_sets(at)).values():
                name = selected[0].name.value
                if name == "edges":
                    positions.append((named.fields[name].type, selected))
                elif name in ("nodes", "node"):
                    yield named.fields[name].type, selected

    def _selected_names(self, field: CollectedField) -> frozenset[str]:
        """The Python names of all fields selected below `field`."""
        named = get_named_type(field.definition.type)
        possible: Sequence[GraphQLObjectType] = ()
        if is_abstract_type(named):
            possible = self._core.get_possible_types(named)
        elif is_object_type(named):
            possible = [named]
        names: set[str] = set()
        for object_type in possible:
            groups = self._collector.collect(object_type, _selection_sets(field.nodes))
            for nodes in groups.values():
                definition = object_type.fields.get(nodes[0].name.value)
                if definition is not None and DEFINITION in definition.extensions:
                    names.add(definition.extensions[DEFINITION].python_name)
        return frozenset(names)


def _selection_sets(nodes: Sequence[FieldNode]) -> list[SelectionSetNode]:
    return [node.selection_set for node in nodes if node.selection_set]
