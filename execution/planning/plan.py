"""Compiles one operation into selections and steps, and runs them."""

from collections.abc import Collection, Sequence
from operator import attrgetter
from typing import Any

import strawberry
from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLObjectType,
    GraphQLOutputType,
    OperationDefinitionNode,
    SelectionSetNode,
    get_named_type,
    is_abstract_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
)
from graphql.execution import VariableValues
from strawberry.types.field import StrawberryField

from execution.document.cost import own_cost
from execution.document.sharing_key import CALLER, reads_of, variables_below
from execution.planning.arguments import Converter
from execution.planning.collect import Collector
from execution.planning.selection import Inside, Leaf, Selection
from execution.planning.steps import (
    AttributeStep,
    BatchStep,
    ForeignStep,
    ReaderStep,
    ResolverStep,
    Step,
)
from execution.running.complete import Completer, LeafCompleter, ListCompleter
from execution.running.field_position import Field, Site
from execution.running.objects import DEFINITION, AbstractCompleter, ObjectCompleter
from execution.running.run import Run

TYPENAME = "__typename"
Keys = tuple[str, ...]
Nullable = tuple[bool, ...]


class Plan:
    """One operation under one answer to its @skip and @include, ready to run at any time."""

    __slots__ = ("_root", "_serial", "fragments", "operation", "reads", "schema", "variables")

    def __init__(
        self,
        schema: strawberry.Schema,
        operation: OperationDefinitionNode,
        fragments: dict[str, FragmentDefinitionNode],
        conditions: VariableValues,
    ) -> None:
        self.schema = schema
        self.operation = operation
        self.fragments = fragments
        self._serial = operation.operation.value == "mutation"
        root_type = schema._schema.get_root_type(operation.operation)
        if root_type is None:
            kind = operation.operation.value
            raise GraphQLError(f"Schema is not configured to execute {kind} operation.", operation)
        compiler = Compiler(schema, Collector(schema._schema, fragments, conditions))
        self._root = compiler.selection(root_type, [operation.selection_set], (), ())
        self.reads = frozenset(compiler.reads)
        """What of its context an answer depends on; see `audience`."""
        self.variables = variables_below(operation, fragments)
        """The variables that are used below the root fields."""

    async def run(self, variables: VariableValues, context: Any, root: Any) -> Run:
        """One execution to its end: its data, None when a null went all the way up, and errors."""
        run, over = self.begin(variables, context, root)
        return run if over else await self.finish(run)

    def begin(self, variables: VariableValues, context: Any, root: Any) -> tuple[Run, bool]:
        """One execution as far as it comes without waiting, and whether that is its end."""
        run = Run(self, variables, context, root)
        if self._serial:
            return run, False
        (run.data,) = self._root.fill([root], run)
        return run, run.settled()

    async def finish(self, run: Run) -> Run:
        """The rest of an execution that was begun."""
        if not self._serial:
            await run.drain()
            return run
        outs = self._root.rows([run.root], run)
        (run.data,) = outs
        await run.drain()
        for step in self._root.steps:
            if run.data is None:
                break  # A null took the whole answer away: what was not begun stays undone.
            step.start([run.root], outs, run)
            await run.drain()
            _forget(run.context)
        return run


def _forget(context: Any) -> None:
    """What a field of a mutation has read may be another now: the next one may have changed it."""
    loaders = getattr(context, "loaders", None)
    if loaders is not None:
        loaders.forget()


class Compiler:
    """Turns collected fields into completers and steps."""

    def __init__(self, schema: strawberry.Schema, collector: Collector) -> None:
        self._schema = schema
        self._core = schema._schema
        self._collector = collector
        self._catches = bool(schema.exception_handlers)
        self._plain_attributes = schema.config.default_resolver is getattr
        self.reads: set[str] = set()

    def selection(
        self,
        object_type: GraphQLObjectType,
        selection_sets: Sequence[SelectionSetNode],
        keys: Keys,
        nullable: Nullable,
    ) -> Selection:
        """What `selection_sets`, all at one place, select of `object_type`."""
        template: dict[str, Any] = {}
        leaves: list[Leaf] = []
        steps: list[Step] = []
        cost = 0
        for key, nodes in self._collector.collect(object_type, selection_sets).items():
            name = nodes[0].name.value
            if name == TYPENAME:
                template[key] = object_type.name
                continue
            definition = self._core.get_field(object_type, name)
            if definition is None:
                continue  # Validation has refused it; graphql-core skips it as well.
            template[key] = None
            known = definition.extensions.get(DEFINITION)
            cost += own_cost(known)
            field = Field(key, name, nodes, definition, object_type, known, (*keys, key))
            completer = self._completer(definition.type, Site(field, nullable))
            if self._is_leaf(field):
                attribute = field.strawberry.python_name  # type: ignore[union-attr] # is known
                self.reads |= reads_of(field.strawberry)  # type: ignore[arg-type] # as above
                leaves.append(Leaf(key, attribute, completer, _reader_of(field)))
            elif (inside := _inside(field, completer)) is not None:
                self.reads |= reads_of(field.strawberry)  # type: ignore[arg-type] # a reader's
                leaves.append(Leaf(key, name, completer, _reader_of(field), inside))
            else:
                steps.append(self._step(field, completer))
        return Selection(template, leaves, steps, cost)

    def _completer(self, output: GraphQLOutputType, above: Site) -> Completer:
        may_be_null = not is_non_null_type(output)
        site = above.inner(may_be_null)
        if is_non_null_type(output):
            output = output.of_type
        if is_list_type(output):
            return ListCompleter(site, self._completer(output.of_type, site))
        if is_leaf_type(output):
            return LeafCompleter(site, output)
        if is_object_type(output):
            return self._object(site, output)
        if is_abstract_type(output):
            self.reads.add(CALLER)  # What its types select is compiled when they turn up.
            return AbstractCompleter(
                site, output, self._core, lambda found: self._object(site, found)
            )
        raise TypeError(f"{output} can't be sent")

    def _object(self, site: Site, object_type: GraphQLObjectType) -> ObjectCompleter:
        sets = _selection_sets(site.field.nodes)
        selection = self.selection(object_type, sets, site.field.keys, site.nullable)
        return ObjectCompleter(site, object_type, selection)

    def _is_leaf(self, field: Field) -> bool:
        return (
            self._is_attribute(field)
            and (self._plain_attributes or _reader_of(field) is not None)
            and is_leaf_type(get_named_type(field.definition.type))
        )

    def _is_attribute(self, field: Field) -> bool:
        known = field.strawberry
        return (
            known is not None
            and self._is_plain(known)
            and (known.base_resolver is None or _reader_of(field) is not None)
            and field.parent_type is not self._core.subscription_type
        )

    def _is_plain(self, known: StrawberryField) -> bool:
        """Whether nothing but the resolver itself decides what the field answers."""
        return (
            not known.extensions
            and not self._catches
            and type(known).get_result is StrawberryField.get_result
        )

    def _step(self, field: Field, completer: Completer) -> Step:
        known = field.strawberry
        if known is not None and field.parent_type is self._core.subscription_type:
            return AttributeStep(field, completer, lambda event: event)
        if known is None or not self._is_plain(known):
            self.reads.add(CALLER)
            return ForeignStep(field, completer)
        self.reads |= reads_of(known)
        reader = _reader_of(field)
        if reader is not None:
            return ReaderStep(field, completer, reader)
        if "batch" in known.metadata and "by" in known.metadata and not field.definition.args:
            fields = self._selected(field) if known.metadata.get("look") else None
            if known.metadata.get("narrow"):
                fields = self._needed(field)
            return BatchStep(field, completer, known, fields)
        if known.base_resolver is not None:
            converter = Converter(self._schema, known)
            return ResolverStep(field, completer, known, known.base_resolver, converter)
        read, name = self._schema.config.default_resolver, known.python_name
        if self._plain_attributes:
            return AttributeStep(field, completer, attrgetter(name))
        return AttributeStep(field, completer, lambda parent: read(parent, name))

    def _needed(self, field: Field) -> frozenset[str] | None:
        """The attributes that all fields selected of what `field` answers are read from."""
        named = get_named_type(field.definition.type)
        if not is_object_type(named):
            return None
        needed: set[str] = set()
        for nodes in self._collector.collect(named, _selection_sets(field.nodes)).values():
            if nodes[0].name.value == TYPENAME:
                continue
            definition = named.fields.get(nodes[0].name.value)
            known = definition.extensions.get(DEFINITION) if definition is not None else None
            attributes = _attributes_of(known)
            if attributes is None:
                return None
            needed.update(attributes)
        return frozenset(needed)

    def _selected(self, field: Field) -> frozenset[str]:
        """The Python names of all fields selected of what `field` answers."""
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


def _attributes_of(known: StrawberryField | None) -> Collection[str] | None:
    """The attributes of its parent that a field is read from; None where that can't be told."""
    if known is None or known.extensions or known.metadata.get("allow") is not None:
        return None
    if "needs" in known.metadata:
        needs: Collection[str] = known.metadata["needs"]
        return needs
    if "batch" in known.metadata and "by" in known.metadata:
        return (known.metadata["by"],)
    return (known.python_name,) if known.base_resolver is None else None


def _reader_of(field: Field) -> Any:
    """What makes the field's reader for a request, when its parent alone decides its value."""
    known = field.strawberry
    if known is None or field.definition.args or known.metadata.get("allow") is not None:
        return None
    return known.metadata.get("reader")


def _inside(field: Field, completer: Completer) -> Inside | None:
    """How the selected part of an object is read off the parent, when all of it can be."""
    if _reader_of(field) is None or not isinstance(completer, ObjectCompleter):
        return None
    made_of = field.strawberry.metadata.get("made_of")  # type: ignore[union-attr] # it has a reader
    selection = completer.selection
    if made_of is None or selection.steps:
        return None
    present, attributes = made_of
    plain = (leaf.reader is None and leaf.inside is None for leaf in selection.leaves)
    if not all(plain) or not all(leaf.attribute in attributes for leaf in selection.leaves):
        return None
    return Inside(present, attributes, selection)


def _selection_sets(nodes: Sequence[FieldNode]) -> list[SelectionSetNode]:
    return [node.selection_set for node in nodes if node.selection_set]
