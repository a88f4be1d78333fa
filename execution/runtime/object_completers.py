"""Value completion for objects: check or resolve the type, then execute the selection."""

from collections.abc import Awaitable, Callable
from typing import Any

from graphql import (
    GraphQLAbstractType,
    GraphQLError,
    GraphQLObjectType,
    GraphQLSchema,
    default_type_resolver,
    is_object_type,
)
from graphql.pyutils import inspect, is_awaitable

from execution.document.cost import DEFINITION
from execution.runtime.completers import Completer, NeedsSlowPath
from execution.runtime.field_position import ResponsePosition
from execution.runtime.run import PlanRun
from execution.runtime.selection import Selection

Resume = Callable[[Any, Any, Any, PlanRun], Any]
"""Continues with the awaited result, a container, a key and the run."""


class DeferredCompleter(Completer):
    """Completes a value after its type check or type resolver was awaited."""

    __slots__ = ("_resume",)

    def __init__(self, position: ResponsePosition, resume: Resume) -> None:
        super().__init__(position)
        self._resume = resume

    def complete_many(self, values: list[Any], run: PlanRun) -> list[Any]:
        raise NeedsSlowPath

    def complete_present(self, value: Any, container: Any, key: Any, run: PlanRun) -> Any:
        (result,) = value
        return self._resume(result, container, key, run)


class ObjectCompleter(Completer):
    """Values of one object type."""

    __slots__ = ("_backing", "selection", "type")

    def __init__(
        self, position: ResponsePosition, object_type: GraphQLObjectType, selection: Selection
    ) -> None:
        super().__init__(position)
        self.type = object_type
        self.selection = selection
        self._backing = backing_of(object_type)

    def complete_many(self, values: list[Any], run: PlanRun) -> list[Any]:
        classes = set(map(type, values))
        if type(None) not in classes:
            self.check(values, classes, run)
            return self.selection.fill(values, run)
        if not self.position.may_be_null:
            raise NeedsSlowPath
        present = [value for value in values if value is not None]
        if not present:
            return values
        self.check(present, classes - {type(None)}, run)
        completed = iter(self.selection.fill(present, run))
        return [None if value is None else next(completed) for value in values]

    def check(self, values: list[Any], classes: set[type], run: PlanRun) -> None:
        """Raise `NeedsSlowPath` unless every value is certainly of this type."""
        if self._backing is not None:
            if not all(issubclass(cls, self._backing) for cls in classes):
                raise NeedsSlowPath
            return
        if any(issubclass(cls, Exception) or hasattr(cls, "__await__") for cls in classes):
            raise NeedsSlowPath
        if self.type.is_type_of is not None:
            self._check_each(values, run)

    def _check_each(self, values: list[Any], run: PlanRun) -> None:
        info: Any = run.info(self.position.field)
        for value in values:
            try:
                is_of_type = self.type.is_type_of(value, info)  # type: ignore[misc] # checked above
            except Exception as error:
                raise NeedsSlowPath from error
            if is_of_type is not True:
                _discard(is_of_type)
                raise NeedsSlowPath

    def complete_present(self, value: Any, container: Any, key: Any, run: PlanRun) -> Any:
        if self.type.is_type_of is None:
            return self.fill([value], run)[0]
        info: Any = run.info(self.position.field)
        is_of_type = self.type.is_type_of(value, info)
        if is_awaitable(is_of_type):
            deferred = DeferredCompleter(
                self.position, lambda result, *_: self._fill_checked(result, value, run)
            )
            run.complete_later(_boxed(is_of_type), deferred, container, key)
            return None
        return self._fill_checked(is_of_type, value, run)

    def fill(self, values: list[Any], run: PlanRun) -> list[Any]:
        """Execute the selection on values that are known to be of this type."""
        return self.selection.fill(values, run)

    def _fill_checked(self, is_of_type: object, value: Any, run: PlanRun) -> Any:
        if not is_of_type:
            message = f"Expected value of type '{self.type}' but got: {inspect(value)}."
            raise GraphQLError(message, self.position.field.nodes)
        return self.fill([value], run)[0]


class AbstractCompleter(Completer):
    """Values of an interface or a union: resolves the type of each, then completes by type."""

    __slots__ = ("_by_class", "_by_name", "_make_completer", "_schema", "type")

    def __init__(
        self,
        position: ResponsePosition,
        abstract: GraphQLAbstractType,
        schema: GraphQLSchema,
        make_completer: Callable[[GraphQLObjectType], ObjectCompleter],
    ) -> None:
        super().__init__(position)
        self.type = abstract
        self._schema = schema
        self._make_completer = make_completer
        self._by_name: dict[str, ObjectCompleter] = {}
        self._by_class: dict[type, ObjectCompleter] | None = (
            {} if _class_decides_type(abstract, schema) else None
        )

    def complete_many(self, values: list[Any], run: PlanRun) -> list[Any]:
        groups: dict[ObjectCompleter, list[int]] = {}
        for index, value in enumerate(values):
            if value is not None:
                groups.setdefault(self._completer_for(value, run), []).append(index)
            elif not self.position.may_be_null:
                raise NeedsSlowPath
        by_completer = {
            completer: [values[index] for index in indexes] for completer, indexes in groups.items()
        }
        for completer, members in by_completer.items():
            completer.check(members, set(map(type, members)), run)
        completed: list[Any] = [None] * len(values)
        for completer, members in by_completer.items():
            for index, output in zip(groups[completer], completer.fill(members, run), strict=True):
                completed[index] = output
        return completed

    def complete_present(self, value: Any, container: Any, key: Any, run: PlanRun) -> Any:
        name = self._type_name(value, run)
        if is_awaitable(name):
            deferred = DeferredCompleter(
                self.position,
                lambda name, *rest: self._by_type_name(name, value).complete_present(value, *rest),
            )
            run.complete_later(_boxed(name), deferred, container, key)
            return None
        return self._by_type_name(name, value).complete_present(value, container, key, run)

    def _completer_for(self, value: Any, run: PlanRun) -> ObjectCompleter:
        cached = self._by_class.get(type(value)) if self._by_class is not None else None
        if cached is not None:
            return cached
        try:
            name: Any = self._type_name(value, run)
            if not isinstance(name, str):
                _discard(name)
                raise NeedsSlowPath
            completer = self._by_type_name(name, value)
        except Exception as error:
            raise NeedsSlowPath from error
        if self._by_class is not None:
            self._by_class[type(value)] = completer
        return completer

    def _type_name(self, value: Any, run: PlanRun) -> Any:
        info: Any = run.info(self.position.field)
        return (self.type.resolve_type or default_type_resolver)(value, info, self.type)

    def _by_type_name(self, name: Any, value: Any) -> ObjectCompleter:
        completer = self._by_name.get(name) if isinstance(name, str) else None
        if completer is None:
            object_type = self._possible_type(name, value)
            completer = self._by_name[name] = self._make_completer(object_type)
        return completer

    def _possible_type(self, name: Any, value: Any) -> GraphQLObjectType:
        """The possible type called `name`; raises the same errors as graphql-core."""
        nodes, field = self.position.field.nodes, self.position.field
        expected = (
            f"Abstract type '{self.type}' must resolve to an Object type at runtime for field"
            f" '{field.parent_type}.{field.name}'"
        )
        if name is None:
            message = (
                f"{expected}. Either the '{self.type}' type should provide"
                " a 'resolve_type' function or each possible type should provide"
                " an 'is_type_of' function."
            )
            raise GraphQLError(message, nodes)
        if not isinstance(name, str):
            message = (
                f"{expected} with value {inspect(value)}, received '{inspect(name)}',"
                " which is not a valid Object type name."
            )
            raise GraphQLError(message, nodes)
        resolved = f"Abstract type '{self.type}' was resolved to a"
        object_type = self._schema.get_type(name)
        if object_type is None:
            raise GraphQLError(
                f"{resolved} type '{name}' that does not exist inside the schema.", nodes
            )
        if not is_object_type(object_type):
            raise GraphQLError(f"{resolved} non-object type '{name}'.", nodes)
        if not self._schema.is_sub_type(self.type, object_type):
            message = (
                f"Runtime Object type '{object_type}' is not a possible type for '{self.type}'."
            )
            raise GraphQLError(message, nodes)
        return object_type


def backing_of(object_type: GraphQLObjectType) -> type | None:
    """The class of all values of the type, if its `is_type_of` has one as `backing`."""
    backing = getattr(object_type.is_type_of, "backing", None)
    return backing if isinstance(backing, type) else None


def _class_decides_type(abstract: GraphQLAbstractType, schema: GraphQLSchema) -> bool:
    """Whether the class of a value decides its type, so that the type can be cached by class."""
    definition = abstract.extensions.get(DEFINITION)
    if definition is None or getattr(definition, "resolve_type", None) is not None:
        return False
    return all(backing_of(possible) for possible in schema.get_possible_types(abstract))


async def _boxed(value: Awaitable[Any]) -> tuple[Any]:
    """Await into a tuple, so that a null result is not completed as null."""
    return (await value,)


def _discard(value: Any) -> None:
    """Close a coroutine that will not be awaited."""
    close = getattr(value, "close", None)
    if close is not None:
        close()
