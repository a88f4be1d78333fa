"""Value completion (CompleteValue of the GraphQL specification) for leaves and lists.

Each completer has a fast and a slow path. `complete_many` takes all values of a level at once; it
raises `NeedsSlowPath`, before any resolver was called, if one of them is not a plain valid value.
`complete_into` takes one value and handles everything: errors, nulls, awaitables and values that a
resolver should not have returned. `object_completers` has the completers of objects.
"""

import enum
import math
from abc import ABC, abstractmethod
from collections.abc import AsyncIterable, Iterable, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import chain, islice
from typing import Any
from uuid import UUID

from graphql import (
    GraphQLBoolean,
    GraphQLError,
    GraphQLFloat,
    GraphQLID,
    GraphQLInt,
    GraphQLLeafType,
    GraphQLString,
    Undefined,
)
from graphql.pyutils import inspect, is_async_iterable, is_awaitable, is_iterable

from execution.runtime.field_position import ResponsePosition
from execution.runtime.run import PlanRun

PLAIN = frozenset({bool, int, float, str, Decimal, UUID, date, datetime, time, timedelta})
INT_MIN, INT_MAX = -(2**31), 2**31 - 1
TEXT_TYPES = (GraphQLString, GraphQLID)
Containers = Sequence[Any]


class NeedsSlowPath(Exception):
    """Some of these values are not plain valid values: complete them one by one."""


class Completer(ABC):
    """Completes values of one type: base class, handles nulls, errors and awaitables."""

    __slots__ = ("position",)

    def __init__(self, position: ResponsePosition) -> None:
        self.position = position

    @abstractmethod
    def complete_many(self, values: list[Any], run: PlanRun) -> list[Any]:
        """Complete all values; raises `NeedsSlowPath` before it calls any resolver below."""

    @abstractmethod
    def complete_present(self, value: Any, container: Any, key: Any, run: PlanRun) -> Any:
        """Complete one value that is not null, an error or awaitable."""

    def complete_into(self, value: Any, container: Any, key: Any, run: PlanRun) -> None:
        """Complete one value into its container; its errors are recorded at this position."""
        try:
            if is_awaitable(value):
                run.complete_later(value, self, container, key)
            elif isinstance(value, Exception):
                run.add_failure(self.position, container, key, value)
            elif value is not None and value is not Undefined:
                container[key] = self.complete_present(value, container, key, run)
            elif self.position.may_be_null:
                container[key] = None
            else:
                run.add_failure(self.position, container, key, self._null_error())
        except Exception as error:
            run.add_failure(self.position, container, key, error)

    def place(
        self, values: list[Any], containers: Containers, keys: Iterable[Any], run: PlanRun
    ) -> None:
        """Complete values into their containers, all at once when possible."""
        try:
            completed = self.complete_many(values, run)
        except NeedsSlowPath:
            for value, container, key in zip(values, containers, keys, strict=True):
                self.complete_into(value, container, key, run)
            return
        for container, key, value in zip(containers, keys, completed, strict=True):
            container[key] = value

    def place_in_field(
        self, values: list[Any], containers: Containers, key: str, run: PlanRun
    ) -> None:
        """As `place`, with the same key in every container."""
        try:
            completed = self.complete_many(values, run)
        except NeedsSlowPath:
            for value, container in zip(values, containers, strict=True):
                self.complete_into(value, container, key, run)
            return
        for container, value in zip(containers, completed, strict=True):
            container[key] = value

    def _null_error(self) -> TypeError:
        field = self.position.field
        coordinate = f"{field.parent_type}.{field.name}"
        return TypeError(f"Cannot return null for non-nullable field {coordinate}.")


class LeafCompleter(Completer):
    """Scalars and enums."""

    __slots__ = ("_names", "type")

    def __init__(self, position: ResponsePosition, leaf_type: GraphQLLeafType) -> None:
        super().__init__(position)
        self.type = leaf_type
        self._names = member_names(leaf_type)

    def complete_many(self, values: list[Any], run: PlanRun) -> list[Any]:
        if self.type in TEXT_TYPES and set(map(type, values)) == {str}:
            return values
        return [self.serialize(value) for value in values]

    def serialize(self, value: Any) -> Any:
        """The value as sent; raises `NeedsSlowPath` unless it is valid."""
        if value is None and self.position.may_be_null:
            return None
        if value is None or isinstance(value, Exception) or is_awaitable(value):
            raise NeedsSlowPath
        try:
            return self.complete_present(value, None, None, None)
        except Exception as error:
            raise NeedsSlowPath from error

    def complete_present(self, value: Any, container: Any, key: Any, run: Any) -> Any:
        coerced = self.type.coerce_output_value(value)
        if coerced is None or coerced is Undefined:
            raise TypeError(
                f"Expected `{inspect(self.type)}.coerce_output_value({inspect(value)})`"
                f" to return non-nullable value, returned: {inspect(coerced)}"
            )
        return coerced

    def expression(self, name: str, n: str, env: dict[str, Any]) -> str:
        """Python source that serializes the local variable `name`, fast for the exact type."""
        env[f"s{n}"], env["Undefined"] = self.serialize, Undefined
        otherwise = f"s{n}({name})"
        if self.position.may_be_null:
            otherwise = f"(None if {name} is None else {otherwise})"
        if self.type in TEXT_TYPES:
            return f"{name} if type({name}) is str else {otherwise}"
        if self.type is GraphQLBoolean:
            return f"{name} if type({name}) is bool else {otherwise}"
        if self.type is GraphQLInt:
            within = f"type({name}) is int and {INT_MIN} <= {name} <= {INT_MAX}"
            return f"{name} if {within} else {otherwise}"
        if self.type is GraphQLFloat:
            env["finite"] = math.isfinite
            return f"{name} if type({name}) is float and finite({name}) else {otherwise}"
        if self._names:
            env[f"c{n}"], env[f"n{n}"] = self._names
            return f"n{n}[{name}._name_] if type({name}) is c{n} else {otherwise}"
        # A custom scalar serializes by its own function. Values of the types in PLAIN are neither
        # errors nor awaitables; a null result takes the slow path.
        env[f"o{n}"], env["PLAIN"] = self.type.coerce_output_value, PLAIN
        is_plain = f"type({name}) in PLAIN and (w{n} := o{n}({name})) is not None"
        return f"w{n} if {is_plain} and w{n} is not Undefined else {otherwise}"


def member_names(leaf_type: GraphQLLeafType) -> tuple[type[enum.Enum], dict[str, str]] | None:
    """The Python enum of a GraphQL enum, and the GraphQL name of each member."""
    members = getattr(leaf_type, "wrapped_cls", None)
    if members is None or not issubclass(members, enum.Enum):
        return None
    return members, {member.name: leaf_type.coerce_output_value(member) for member in members}


class ListCompleter(Completer):
    """Lists of any type, also of lists."""

    __slots__ = ("_inner",)

    def __init__(self, position: ResponsePosition, inner: Completer) -> None:
        super().__init__(position)
        self._inner = inner

    def complete_many(self, values: list[Any], run: PlanRun) -> list[Any]:
        classes = set(map(type, values))
        if not classes <= {list, tuple}:
            return self._complete_nullable_lists(values, classes, run)
        if len(values) == 1:
            return [list(self._inner.complete_many(list(values[0]), run))]
        completed = iter(self._inner.complete_many(list(chain.from_iterable(values)), run))
        return [list(islice(completed, len(value))) for value in values]

    def _complete_nullable_lists(
        self, values: list[Any], classes: set[type], run: PlanRun
    ) -> list[Any]:
        if not self.position.may_be_null or not classes <= {list, tuple, type(None)}:
            raise NeedsSlowPath
        present = [value for value in values if value is not None]
        completed = iter(self.complete_many(present, run) if present else ())
        return [None if value is None else next(completed) for value in values]

    def complete_present(self, value: Any, container: Any, key: Any, run: PlanRun) -> Any:
        if is_async_iterable(value):
            run.complete_later(_collect(value), self, container, key)
            return None
        if not is_iterable(value):
            field = self.position.field
            coordinate = f"{field.parent_type}.{field.name}"
            raise GraphQLError(f"Expected Iterable, but did not find one for field '{coordinate}'.")
        items = list(value)
        completed: list[Any] = [None] * len(items)
        self._inner.place(items, [completed] * len(items), range(len(items)), run)
        return completed


async def _collect(items: AsyncIterable[Any]) -> list[Any]:
    return [item async for item in items]
