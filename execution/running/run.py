"""One execution of one plan: its waves of waiting, its errors, and where nulls end up."""

import asyncio
from collections.abc import Awaitable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import strawberry
from graphql import GraphQLError, get_argument_values, located_error
from graphql.execution import VariableValues
from graphql.pyutils import Path
from strawberry.types.field import StrawberryField

from execution.planning.arguments import Converter
from execution.running.complete import Completer
from execution.running.field_position import Field, Site
from execution.running.info import FieldInfo, Gathering
from execution.running.waiting import gather

if TYPE_CHECKING:
    from execution.planning.plan import Plan
    from execution.running.batch import BatchWork

Waiting = tuple[Awaitable[Any], Completer, Any, Any]
Place = tuple[str | int, ...]


class Run:
    """What one request knows while its plan runs."""

    __slots__ = (
        "_arguments", "_failures", "_infos", "_refusals", "_waiting",
        "batches", "context", "cost", "data", "errors", "plan", "root", "variables",
    )  # fmt: skip

    def __init__(self, plan: "Plan", variables: VariableValues, context: Any, root: Any) -> None:
        self.plan = plan
        self.variables = variables
        self.context = context
        self.root = root
        self.data: dict[str, Any] | None = None
        self.errors: list[GraphQLError] = []
        self.cost = 0
        self.batches: dict[Any, BatchWork] = {}
        self._waiting: list[Waiting] = []
        self._failures: list[tuple[Site, Any, Any, Exception]] = []
        self._infos: dict[Field, tuple[FieldInfo, strawberry.Info]] = {}
        self._arguments: dict[Field, dict[str, Any] | Exception] = {}
        self._refusals: dict[Field, Exception | None] = {}

    # What steps ask

    def info(self, field: Field) -> FieldInfo:
        """graphql-core's view of a field of this request."""
        return self._both_infos(field)[0]

    def strawberry_info(self, field: Field) -> strawberry.Info:
        """Strawberry's view of a field of this request."""
        return self._both_infos(field)[1]

    def _both_infos(self, field: Field) -> tuple[FieldInfo, strawberry.Info]:
        known = self._infos.get(field)
        if known is None:
            known = self._infos[field] = self._make_infos(field)
        return known

    def _make_infos(self, field: Field) -> tuple[FieldInfo, strawberry.Info]:
        path: Path | None = None
        for key in field.keys:
            path = Path(path, key, None)
        plan = self.plan
        info = FieldInfo(
            field.name, field.nodes, field.definition.type, field.parent_type,
            path or Path(None, field.key, None), plan.schema._schema, plan.fragments,
            self.root, plan.operation, self.variables.coerced, self.context,
            async_helpers=Gathering,
        )  # fmt: skip
        made: Any = plan.schema.config.info_class
        return info, made(_raw_info=info, _field=field.strawberry)

    def arguments(self, field: Field, converter: Converter | None = None) -> dict[str, Any]:
        """The field's arguments, coerced once; a converter makes them Strawberry's values."""
        known = self._arguments.get(field)
        if known is None:
            try:
                known = self._coerce(field, converter)
            except Exception as error:
                known = error
            self._arguments[field] = known
        if isinstance(known, Exception):
            raise known
        return known

    def _coerce(self, field: Field, converter: Converter | None) -> dict[str, Any]:
        if not field.definition.args:
            return {}
        given = get_argument_values(field.definition, field.nodes[0], self.variables)
        return converter.convert(given, self.strawberry_info(field)) if converter else given

    def refusal(self, field: Field, known: StrawberryField) -> Exception | None:
        """Why this request may not read the field, asked once of the rule on the field."""
        rule = known.metadata.get("allow")
        if rule is None:
            return None
        if field not in self._refusals:
            self._refusals[field] = rule.refuse(self.context)
        return self._refusals[field]

    def later(self, value: Awaitable[Any], completer: Completer, container: Any, key: Any) -> None:
        """Complete `value` into its place once it has been awaited."""
        self._waiting.append((value, completer, container, key))

    def fail(self, site: Site, container: Any, key: Any, error: Exception) -> None:
        """Note that nothing can stand at this place; `settle` finds its path."""
        self._failures.append((site, container, key, error))

    # Waves

    async def drain(self) -> None:
        """Wait for all that was begun, level after level, until nothing is left to wait for."""
        while not self.settled():
            await self._wave()

    def settled(self) -> bool:
        """Whether nothing is left to wait for, every failure so far in its place."""
        self._settle()
        while self._place_known():
            self._settle()
        return not self._waiting and not self.batches

    def _place_known(self) -> bool:
        """Place what need not be waited for, so that what is below it is asked for in this wave;
        False when there is nothing of that kind."""
        found = False
        for name, work in list(self.batches.items()):
            answer = work.known(self.context)
            if answer is not None:
                found = True
                del self.batches[name]
                work.place(answer, self)
        return found

    async def _wave(self) -> None:
        waiting, self._waiting = self._waiting, []
        batches, self.batches = self.batches, {}
        works = list(batches.values())
        answers = await gather(
            [value for value, *_ in waiting] + [work.read(self.context) for work in works]
        )
        arrived: dict[Completer, tuple[list[Any], list[Any], list[Any]]] = {}
        for (_, completer, container, key), answer in zip(waiting, answers, strict=False):
            values, containers, keys = arrived.setdefault(completer, ([], [], []))
            values.append(answer)
            containers.append(container)
            keys.append(key)
        for completer, (values, containers, keys) in arrived.items():
            completer.place(values, containers, keys, self)
        for work, answer in zip(works, answers[len(waiting) :], strict=True):
            work.place(answer, self)

    # Errors

    def _settle(self) -> None:
        """Give every noted failure its path, its null and its place in `errors`."""
        if not self._failures:
            return
        failures, self._failures = self._failures, []
        places = dict(_places(self.data))
        bubbled = False
        for site, container, key, error in failures:
            place = places.get(id(container))
            if place is None or not self._holds(place, container):
                continue  # A null further up has already taken this place away.
            path = (*place, key)
            self.errors.append(located_error(error, site.field.nodes, path))
            bubbled |= self._put_null(path, site.nullable)
        if bubbled:
            self._forget_the_unreachable()

    def _holds(self, place: Place, container: Any) -> bool:
        at: Any = self.data
        for step in place:
            if at is None:
                return False
            at = at[step]
        return at is container

    def _put_null(self, path: Place, nullable: tuple[bool, ...]) -> bool:
        """Null the nearest place on the path that may be null; True if that is further up."""
        last = len(path) - 1
        while last >= 0 and not nullable[last]:
            last -= 1
        if last < 0:
            self.data = None
            return True
        at: Any = self.data
        for step in path[:last]:
            at = at[step]
        at[path[last]] = None
        return last < len(path) - 1

    def _forget_the_unreachable(self) -> None:
        reachable = {identity for identity, _ in _places(self.data)}
        kept: list[Waiting] = []
        for waiting in self._waiting:
            if id(waiting[2]) in reachable:
                kept.append(waiting)
            elif asyncio.iscoroutine(waiting[0]):
                waiting[0].close()
        self._waiting = kept
        for name, work in list(self.batches.items()):
            if not work.keep(reachable):
                del self.batches[name]


def _places(data: Any) -> Iterator[tuple[int, Place]]:
    """Every object and list of the answer, by identity, with its path."""
    stack: list[tuple[Any, Place]] = [] if data is None else [(data, ())]
    while stack:
        container, place = stack.pop()
        yield id(container), place
        inside: Iterable[tuple[Any, Any]] = (
            container.items() if isinstance(container, dict) else enumerate(container)
        )
        stack.extend(
            (value, (*place, key)) for key, value in inside if isinstance(value, dict | list)
        )
