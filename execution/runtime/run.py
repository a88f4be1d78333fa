"""One execution of one plan: what it waits for, its errors, and the propagation of nulls."""

import asyncio
from collections.abc import Awaitable, Iterable, Iterator, Sequence
from typing import Any, Protocol

import strawberry
from graphql import (
    FragmentDefinitionNode,
    GraphQLError,
    OperationDefinitionNode,
    get_argument_values,
    located_error,
)
from graphql.execution import VariableValues
from graphql.pyutils import Path
from strawberry.types.field import StrawberryField

from execution.runtime.arguments import ArgumentConverter
from execution.runtime.concurrency import gather
from execution.runtime.field_position import CollectedField, ResponsePosition
from execution.runtime.info import FieldInfo, PredicateAwaiter


class CompiledOperation(Protocol):
    """The parts of a plan that resolvers can see in their info."""

    schema: strawberry.Schema
    operation: OperationDefinitionNode
    fragments: dict[str, FragmentDefinitionNode]


class ValueCompleter(Protocol):
    """Completes values into the response; see `completers.Completer`."""

    position: ResponsePosition

    def place(
        self, values: list[Any], containers: Sequence[Any], keys: Iterable[Any], run: "PlanRun"
    ) -> None:
        """Complete each value into its container under its key."""

    def place_in_field(
        self, values: list[Any], containers: Sequence[Any], key: str, run: "PlanRun"
    ) -> None:
        """Complete each value into its container, all under one key."""


class PendingRead(Protocol):
    """The keys that fields of one level read through one batch; see `batch_read.BatchRead`."""

    def add(
        self, completer: ValueCompleter, keys: list[Any], outputs: list[Any], name: str
    ) -> None:
        """Add one field with a key and an output for each parent."""

    def cached(self, context: Any) -> dict[Any, Any] | None:
        """The result of every key if all are cached, otherwise None."""

    async def read(self, context: Any) -> dict[Any, Any]:
        """Read the result of every key."""

    def place(self, results: dict[Any, Any] | Exception, run: "PlanRun") -> None:
        """Complete the results into the response."""

    def retain(self, reachable: set[int]) -> bool:
        """Drop parents whose `id` is not in `reachable`; return False if none remain."""


PendingValue = tuple[Awaitable[Any], ValueCompleter, Any, Any]
PathKeys = tuple[str | int, ...]


class PlanRun:
    """The state of one execution of a plan."""

    __slots__ = (
        "_access_errors", "_arguments", "_failures", "_infos", "_pending",
        "batches", "context", "cost", "data", "errors", "plan", "root", "variables",
    )  # fmt: skip

    def __init__(
        self, plan: CompiledOperation, variables: VariableValues, context: Any, root: Any
    ) -> None:
        self.plan = plan
        self.variables = variables
        self.context = context
        self.root = root
        self.data: dict[str, Any] | None = None
        self.errors: list[GraphQLError] = []
        self.cost = 0
        self.batches: dict[Any, PendingRead] = {}
        self._pending: list[PendingValue] = []
        self._failures: list[tuple[ResponsePosition, Any, Any, Exception]] = []
        self._infos: dict[CollectedField, tuple[FieldInfo, strawberry.Info]] = {}
        self._arguments: dict[CollectedField, dict[str, Any] | Exception] = {}
        self._access_errors: dict[CollectedField, Exception | None] = {}

    # Used by steps and completers

    def info(self, field: CollectedField) -> FieldInfo:
        """graphql-core's info for a field of this request."""
        return self._both_infos(field)[0]

    def strawberry_info(self, field: CollectedField) -> strawberry.Info:
        """Strawberry's info for a field of this request."""
        return self._both_infos(field)[1]

    def _both_infos(self, field: CollectedField) -> tuple[FieldInfo, strawberry.Info]:
        infos = self._infos.get(field)
        if infos is None:
            infos = self._infos[field] = self._make_infos(field)
        return infos

    def _make_infos(self, field: CollectedField) -> tuple[FieldInfo, strawberry.Info]:
        path: Path | None = None
        for key in field.keys:
            path = Path(path, key, None)
        plan = self.plan
        info = FieldInfo(
            field.name, field.nodes, field.definition.type, field.parent_type,
            path or Path(None, field.key, None), plan.schema._schema, plan.fragments,
            self.root, plan.operation, self.variables.coerced, self.context,
            async_helpers=PredicateAwaiter,
        )  # fmt: skip
        info_class: Any = plan.schema.config.info_class
        return info, info_class(_raw_info=info, _field=field.strawberry)

    def arguments(
        self, field: CollectedField, converter: ArgumentConverter | None = None
    ) -> dict[str, Any]:
        """The field's arguments, coerced once per request; a converter adds Strawberry's types.

        Raises the same error again for every parent when the coercion has failed.
        """
        arguments = self._arguments.get(field)
        if arguments is None:
            try:
                arguments = self._coerce(field, converter)
            except Exception as error:
                arguments = error
            self._arguments[field] = arguments
        if isinstance(arguments, Exception):
            raise arguments
        return arguments

    def _coerce(self, field: CollectedField, converter: ArgumentConverter | None) -> dict[str, Any]:
        if not field.definition.args:
            return {}
        coerced = get_argument_values(field.definition, field.nodes[0], self.variables)
        return converter.convert(coerced, self.strawberry_info(field)) if converter else coerced

    def check_access(
        self, field: CollectedField, strawberry_field: StrawberryField
    ) -> Exception | None:
        """The error if this request may not read the field; its rule is evaluated once."""
        rule = strawberry_field.metadata.get("allow")
        if rule is None:
            return None
        if field not in self._access_errors:
            self._access_errors[field] = rule.denial(self.context)
        return self._access_errors[field]

    def complete_later(
        self, value: Awaitable[Any], completer: ValueCompleter, container: Any, key: Any
    ) -> None:
        """Complete `value` into its container once it has been awaited."""
        self._pending.append((value, completer, container, key))

    def add_failure(
        self, position: ResponsePosition, container: Any, key: Any, error: Exception
    ) -> None:
        """Record that the value under `key` has failed; `settle` finds its path."""
        self._failures.append((position, container, key, error))

    # Waiting

    async def drain(self) -> None:
        """Await pending values and reads, level by level, until none are left."""
        while not self.settle():
            await self._await_pending()

    def settle(self) -> bool:
        """Apply failures and cached reads; return True if nothing is left to wait for."""
        self._apply_failures()
        while self._place_cached():
            self._apply_failures()
        return not self._pending and not self.batches

    def _place_cached(self) -> bool:
        """Place reads whose results are cached, so that fields below them join this level.

        Returns False if there are none.
        """
        any_placed = False
        for name, read in list(self.batches.items()):
            results = read.cached(self.context)
            if results is not None:
                any_placed = True
                del self.batches[name]
                read.place(results, self)
        return any_placed

    async def _await_pending(self) -> None:
        pending, self._pending = self._pending, []
        batches, self.batches = self.batches, {}
        reads = list(batches.values())
        results = await gather(
            [value for value, *_ in pending] + [read.read(self.context) for read in reads]
        )
        arrived: dict[ValueCompleter, tuple[list[Any], list[Any], list[Any]]] = {}
        for (_, completer, container, key), result in zip(pending, results, strict=False):
            values, containers, keys = arrived.setdefault(completer, ([], [], []))
            values.append(result)
            containers.append(container)
            keys.append(key)
        for completer, (values, containers, keys) in arrived.items():
            completer.place(values, containers, keys, self)
        for read, result in zip(reads, results[len(pending) :], strict=True):
            read.place(result, self)

    # Errors

    def _apply_failures(self) -> None:
        """Add each recorded failure to `errors` with its path, and set the null that it causes."""
        if not self._failures:
            return
        failures, self._failures = self._failures, []
        paths = dict(_container_paths(self.data))
        propagated = False
        for position, container, key, error in failures:
            parent_path = paths.get(id(container))
            if parent_path is None or not self._is_reachable(parent_path, container):
                continue  # A null further up has already removed this position.
            path = (*parent_path, key)
            self.errors.append(located_error(error, position.field.nodes, path))
            propagated |= self._propagate_null(path, position.nullable)
        if propagated:
            self._drop_unreachable()

    def _is_reachable(self, path: PathKeys, container: Any) -> bool:
        value: Any = self.data
        for key in path:
            if value is None:
                return False
            value = value[key]
        return value is container

    def _propagate_null(self, path: PathKeys, nullable: tuple[bool, ...]) -> bool:
        """Set the nearest nullable value on the path to null; True if that is a parent."""
        last = len(path) - 1
        while last >= 0 and not nullable[last]:
            last -= 1
        if last < 0:
            self.data = None
            return True
        container: Any = self.data
        for key in path[:last]:
            container = container[key]
        container[path[last]] = None
        return last < len(path) - 1

    def _drop_unreachable(self) -> None:
        """Cancel pending values and reads whose containers a null has removed."""
        reachable = {identity for identity, _ in _container_paths(self.data)}
        remaining: list[PendingValue] = []
        for pending in self._pending:
            if id(pending[2]) in reachable:
                remaining.append(pending)
            elif asyncio.iscoroutine(pending[0]):
                pending[0].close()
        self._pending = remaining
        for name, read in list(self.batches.items()):
            if not read.retain(reachable):
                del self.batches[name]


def _container_paths(data: Any) -> Iterator[tuple[int, PathKeys]]:
    """Every object and list of the response data, by `id`, with its path."""
    stack: list[tuple[Any, PathKeys]] = [] if data is None else [(data, ())]
    while stack:
        container, path = stack.pop()
        yield id(container), path
        children: Iterable[tuple[Any, Any]] = (
            container.items() if isinstance(container, dict) else enumerate(container)
        )
        stack.extend(
            (value, (*path, key)) for key, value in children if isinstance(value, dict | list)
        )
