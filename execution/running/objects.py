"""Completes objects: checks that a value is of its type, then fills in what is selected of it."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from graphql import (
    GraphQLAbstractType,
    GraphQLError,
    GraphQLObjectType,
    GraphQLSchema,
    default_type_resolver,
    is_object_type,
)
from graphql.pyutils import inspect, is_awaitable

from execution.running.complete import Completer, Unusual
from execution.running.field_position import Site

if TYPE_CHECKING:
    from execution.planning.selection import Selection
    from execution.running.run import Run

DEFINITION = "strawberry-definition"
Resume = Callable[[Any, Any, Any, "Run"], Any]


class Late(Completer):
    """A value whose type is known only after something was awaited."""

    __slots__ = ("_resume",)

    def __init__(self, site: Site, resume: Resume) -> None:
        super().__init__(site)
        self._resume = resume

    def bulk(self, values: list[Any], run: "Run") -> list[Any]:
        raise Unusual

    def finish(self, value: Any, container: Any, key: Any, run: "Run") -> Any:
        (answer,) = value
        return self._resume(answer, container, key, run)


class ObjectCompleter(Completer):
    """Values of one object type."""

    __slots__ = ("_backing", "selection", "type")

    def __init__(self, site: Site, object_type: GraphQLObjectType, selection: "Selection") -> None:
        super().__init__(site)
        self.type = object_type
        self.selection = selection
        self._backing = backing_of(object_type)

    def bulk(self, values: list[Any], run: "Run") -> list[Any]:
        kinds = set(map(type, values))
        if type(None) not in kinds:
            self.check(values, kinds, run)
            return self.selection.fill(values, run)
        if not self.site.may_be_null:
            raise Unusual
        present = [value for value in values if value is not None]
        if not present:
            return values
        self.check(present, kinds - {type(None)}, run)
        done = iter(self.selection.fill(present, run))
        return [None if value is None else next(done) for value in values]

    def check(self, values: list[Any], kinds: set[type], run: "Run") -> None:
        """Raise `Unusual` unless every value is of this type beyond doubt."""
        if self._backing is not None:
            if not all(issubclass(kind, self._backing) for kind in kinds):
                raise Unusual
            return
        if any(issubclass(kind, Exception) or hasattr(kind, "__await__") for kind in kinds):
            raise Unusual
        if self.type.is_type_of is not None:
            self._ask_each(values, run)

    def _ask_each(self, values: list[Any], run: "Run") -> None:
        info: Any = run.info(self.site.field)
        for value in values:
            try:
                good = self.type.is_type_of(value, info)  # type: ignore[misc] # asked before
            except Exception as error:
                raise Unusual from error
            if good is not True:
                _discard(good)
                raise Unusual

    def finish(self, value: Any, container: Any, key: Any, run: "Run") -> Any:
        if self.type.is_type_of is None:
            return self.fill([value], run)[0]
        info: Any = run.info(self.site.field)
        good = self.type.is_type_of(value, info)
        if is_awaitable(good):
            late = Late(self.site, lambda good, *_: self._filled(good, value, run))
            run.later(_boxed(good), late, container, key)
            return None
        return self._filled(good, value, run)

    def fill(self, values: list[Any], run: "Run") -> list[Any]:
        """What is selected of values that are known to be of this type."""
        return self.selection.fill(values, run)

    def _filled(self, good: object, value: Any, run: "Run") -> Any:
        if not good:
            message = f"Expected value of type '{self.type}' but got: {inspect(value)}."
            raise GraphQLError(message, self.site.field.nodes)
        return self.fill([value], run)[0]


class AbstractCompleter(Completer):
    """Values of an interface or a union: finds the type of each, then completes by type."""

    __slots__ = ("_by_class", "_by_name", "_make", "_schema", "type")

    def __init__(
        self,
        site: Site,
        abstract: GraphQLAbstractType,
        schema: GraphQLSchema,
        make: Callable[[GraphQLObjectType], ObjectCompleter],
    ) -> None:
        super().__init__(site)
        self.type = abstract
        self._schema = schema
        self._make = make
        self._by_name: dict[str, ObjectCompleter] = {}
        self._by_class: dict[type, ObjectCompleter] | None = (
            {} if _told_by_class(abstract, schema) else None
        )

    def bulk(self, values: list[Any], run: "Run") -> list[Any]:
        groups: dict[ObjectCompleter, list[int]] = {}
        for index, value in enumerate(values):
            if value is not None:
                groups.setdefault(self._choose(value, run), []).append(index)
            elif not self.site.may_be_null:
                raise Unusual
        chosen = {of: [values[index] for index in indexes] for of, indexes in groups.items()}
        for of, members in chosen.items():
            of.check(members, set(map(type, members)), run)
        done: list[Any] = [None] * len(values)
        for of, members in chosen.items():
            for index, out in zip(groups[of], of.fill(members, run), strict=True):
                done[index] = out
        return done

    def finish(self, value: Any, container: Any, key: Any, run: "Run") -> Any:
        name = self._name(value, run)
        if is_awaitable(name):
            late = Late(
                self.site,
                lambda name, *place: self._named(name, value, run).finish(value, *place),
            )
            run.later(_boxed(name), late, container, key)
            return None
        return self._named(name, value, run).finish(value, container, key, run)

    def _choose(self, value: Any, run: "Run") -> ObjectCompleter:
        known = self._by_class.get(type(value)) if self._by_class is not None else None
        if known is not None:
            return known
        try:
            name: Any = self._name(value, run)
            if not isinstance(name, str):
                _discard(name)
                raise Unusual
            chosen = self._named(name, value, run)
        except Exception as error:
            raise Unusual from error
        if self._by_class is not None:
            self._by_class[type(value)] = chosen
        return chosen

    def _name(self, value: Any, run: "Run") -> Any:
        info: Any = run.info(self.site.field)
        return (self.type.resolve_type or default_type_resolver)(value, info, self.type)

    def _named(self, name: Any, value: Any, run: "Run") -> ObjectCompleter:
        known = self._by_name.get(name) if isinstance(name, str) else None
        if known is None:
            known = self._by_name[name] = self._make(self._possible(name, value))
        return known

    def _possible(self, name: Any, value: Any) -> GraphQLObjectType:
        """The object type called `name`, or the error that graphql-core has for it."""
        nodes, field = self.site.field.nodes, self.site.field
        must = f"Abstract type '{self.type}' must resolve to an Object type at runtime for field"
        at = f"'{field.parent_type}.{field.name}'"
        if name is None:
            message = (
                f"{must} {at}. Either the '{self.type}' type should provide"
                " a 'resolve_type' function or each possible type should provide"
                " an 'is_type_of' function."
            )
            raise GraphQLError(message, nodes)
        if not isinstance(name, str):
            message = (
                f"{must} {at} with value {inspect(value)}, received '{inspect(name)}',"
                " which is not a valid Object type name."
            )
            raise GraphQLError(message, nodes)
        was = f"Abstract type '{self.type}' was resolved to a"
        found = self._schema.get_type(name)
        if found is None:
            raise GraphQLError(f"{was} type '{name}' that does not exist inside the schema.", nodes)
        if not is_object_type(found):
            raise GraphQLError(f"{was} non-object type '{name}'.", nodes)
        if not self._schema.is_sub_type(self.type, found):
            message = f"Runtime Object type '{found}' is not a possible type for '{self.type}'."
            raise GraphQLError(message, nodes)
        return found


def backing_of(object_type: GraphQLObjectType) -> type | None:
    """The class all values of the type are instances of, where its `is_type_of` names one."""
    backing = getattr(object_type.is_type_of, "backing", None)
    return backing if isinstance(backing, type) else None


def _told_by_class(abstract: GraphQLAbstractType, schema: GraphQLSchema) -> bool:
    """Whether the class of a value decides its type, so that it need be found only once."""
    definition = abstract.extensions.get(DEFINITION)
    if definition is None or getattr(definition, "resolve_type", None) is not None:
        return False
    return all(backing_of(possible) for possible in schema.get_possible_types(abstract))


async def _boxed(answer: Awaitable[Any]) -> tuple[Any]:
    return (await answer,)


def _discard(unwanted: Any) -> None:
    close = getattr(unwanted, "close", None)
    if close is not None:
        close()
