"""Turns what resolvers return into what is sent: leaves and lists (objects: see objects.py).

Each completer knows two ways. `bulk` takes all values of a level at once and refuses with
`Unusual`, before anything was called, when one of them needs a closer look. `single` takes one
value with care: errors, nulls, awaitables, and everything a resolver should not have returned.
"""

import enum
import math
from abc import ABC, abstractmethod
from collections.abc import AsyncIterable, Iterable, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import chain, islice
from typing import TYPE_CHECKING, Any
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

from execution.running.field_position import Site

if TYPE_CHECKING:
    from execution.running.run import Run

PLAIN = frozenset({bool, int, float, str, Decimal, UUID, date, datetime, time, timedelta})
INT_MIN, INT_MAX = -(2**31), 2**31 - 1
TEXT_TYPES = (GraphQLString, GraphQLID)
Slots = Sequence[Any]


class Unusual(Exception):
    """Not all of these values are plain good ones: look at each."""


class Completer(ABC):
    """What every kind of type has in common: nulls, errors and values that come later."""

    __slots__ = ("site",)

    def __init__(self, site: Site) -> None:
        self.site = site

    @abstractmethod
    def bulk(self, values: list[Any], run: "Run") -> list[Any]:
        """All values completed, or `Unusual` before any resolver below was called."""

    @abstractmethod
    def finish(self, value: Any, container: Any, key: Any, run: "Run") -> Any:
        """One value that is neither null nor an error nor awaitable, completed."""

    def single(self, value: Any, container: Any, key: Any, run: "Run") -> None:
        """Complete one value into its place; what goes wrong is noted there."""
        try:
            if is_awaitable(value):
                run.later(value, self, container, key)
            elif isinstance(value, Exception):
                run.fail(self.site, container, key, value)
            elif value is not None and value is not Undefined:
                container[key] = self.finish(value, container, key, run)
            elif self.site.may_be_null:
                container[key] = None
            else:
                run.fail(self.site, container, key, self._null_error())
        except Exception as error:
            run.fail(self.site, container, key, error)

    def place(self, values: list[Any], containers: Slots, keys: Iterable[Any], run: "Run") -> None:
        """Complete values into their places, together when possible."""
        try:
            done = self.bulk(values, run)
        except Unusual:
            for value, container, key in zip(values, containers, keys, strict=True):
                self.single(value, container, key, run)
            return
        for container, key, value in zip(containers, keys, done, strict=True):
            container[key] = value

    def place_under(self, values: list[Any], outs: Slots, key: str, run: "Run") -> None:
        """As `place`, for the values of one field: the key is the same in all answers."""
        try:
            done = self.bulk(values, run)
        except Unusual:
            for value, out in zip(values, outs, strict=True):
                self.single(value, out, key, run)
            return
        for out, value in zip(outs, done, strict=True):
            out[key] = value

    def _null_error(self) -> TypeError:
        field = self.site.field
        coordinate = f"{field.parent_type}.{field.name}"
        return TypeError(f"Cannot return null for non-nullable field {coordinate}.")


class LeafCompleter(Completer):
    """Scalars and enums."""

    __slots__ = ("_names", "type")

    def __init__(self, site: Site, leaf_type: GraphQLLeafType) -> None:
        super().__init__(site)
        self.type = leaf_type
        self._names = member_names(leaf_type)

    def bulk(self, values: list[Any], run: "Run") -> list[Any]:
        if self.type in TEXT_TYPES and set(map(type, values)) == {str}:
            return values
        return [self.serialize(value) for value in values]

    def serialize(self, value: Any) -> Any:
        """One value as it is sent; `Unusual` for whatever is not simply good."""
        if value is None and self.site.may_be_null:
            return None
        if value is None or isinstance(value, Exception) or is_awaitable(value):
            raise Unusual
        try:
            return self.finish(value, None, None, None)
        except Exception as error:
            raise Unusual from error

    def finish(self, value: Any, container: Any, key: Any, run: Any) -> Any:
        coerced = self.type.coerce_output_value(value)
        if coerced is None or coerced is Undefined:
            raise TypeError(
                f"Expected `{inspect(self.type)}.coerce_output_value({inspect(value)})`"
                f" to return non-nullable value, returned: {inspect(coerced)}"
            )
        return coerced

    def expression(self, name: str, n: str, env: dict[str, Any]) -> str:
        """Python source that serializes the local `name`, quick for values of the exact type."""
        env[f"s{n}"], env["Undefined"] = self.serialize, Undefined
        otherwise = f"s{n}({name})"
        if self.site.may_be_null:
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
        # A scalar of one's own decides by itself; values of these types are no errors, and nothing
        # to wait for. One that comes out as null is looked at with care.
        env[f"o{n}"], env["PLAIN"] = self.type.coerce_output_value, PLAIN
        good = f"type({name}) in PLAIN and (w{n} := o{n}({name})) is not None"
        return f"w{n} if {good} and w{n} is not Undefined else {otherwise}"


def member_names(leaf_type: GraphQLLeafType) -> tuple[type[enum.Enum], dict[str, str]] | None:
    """The Python enum behind a GraphQL enum, and the sent name of each of its members."""
    members = getattr(leaf_type, "wrapped_cls", None)
    if members is None or not issubclass(members, enum.Enum):
        return None
    return members, {member.name: leaf_type.coerce_output_value(member) for member in members}


class ListCompleter(Completer):
    """Lists, of anything, other lists too."""

    __slots__ = ("_inner",)

    def __init__(self, site: Site, inner: Completer) -> None:
        super().__init__(site)
        self._inner = inner

    def bulk(self, values: list[Any], run: "Run") -> list[Any]:
        kinds = set(map(type, values))
        if not kinds <= {list, tuple}:
            return self._bulk_with_nulls(values, kinds, run)
        if len(values) == 1:
            return [list(self._inner.bulk(list(values[0]), run))]
        done = iter(self._inner.bulk(list(chain.from_iterable(values)), run))
        return [list(islice(done, len(value))) for value in values]

    def _bulk_with_nulls(self, values: list[Any], kinds: set[type], run: "Run") -> list[Any]:
        if not self.site.may_be_null or not kinds <= {list, tuple, type(None)}:
            raise Unusual
        present = [value for value in values if value is not None]
        done = iter(self.bulk(present, run) if present else ())
        return [None if value is None else next(done) for value in values]

    def finish(self, value: Any, container: Any, key: Any, run: "Run") -> Any:
        if is_async_iterable(value):
            run.later(_drain(value), self, container, key)
            return None
        if not is_iterable(value):
            field = self.site.field
            coordinate = f"{field.parent_type}.{field.name}"
            raise GraphQLError(f"Expected Iterable, but did not find one for field '{coordinate}'.")
        items = list(value)
        done: list[Any] = [None] * len(items)
        self._inner.place(items, [done] * len(items), range(len(items)), run)
        return done


async def _drain(items: AsyncIterable[Any]) -> list[Any]:
    return [item async for item in items]
