"""Plays operations twice: what is asked for again with the same values changes nothing."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from graphql import (
    FieldNode,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLObjectType,
    OperationDefinitionNode,
    get_named_type,
    parse,
)
from sqlalchemy import func, select

from database.base import Base
from database.scope import PLATFORM
from models.events import Event
from schema.root import graph
from tests.support.operations.player import Operation, OperationPlayer

VERSION, EXPECTED = "version", "expectedVersion"
CONFLICT = "VersionConflict"
# Inputs that are added to what was there, so that a repetition is another change.
ADDED = ("damagedQuantity",)


@cache
def versioned_mutations() -> frozenset[str]:
    """The mutations that return a row with a version, or take the one that the caller has seen."""
    root = graph._schema.mutation_type
    assert root is not None
    return frozenset(name for name, one in root.fields.items() if _has_version(one))


def _has_version(mutation: GraphQLField) -> bool:
    payload = get_named_type(mutation.type)
    assert isinstance(payload, GraphQLObjectType)
    rows = [get_named_type(one.type) for one in payload.fields.values()]
    return any(EXPECTED in fields for fields in _input_fields(mutation)) or any(
        VERSION in fields for row in rows for fields in _fields_of(row)
    )


def _input_fields(mutation: GraphQLField) -> Iterator[Mapping[str, Any]]:
    for argument in mutation.args.values():
        kind = get_named_type(argument.type)
        if isinstance(kind, GraphQLInputObjectType):
            yield kind.fields


def _fields_of(row: object) -> Iterator[Mapping[str, Any]]:
    """The fields of a row, and those that only its store's people see."""
    if isinstance(row, GraphQLObjectType):
        yield row.fields
        if desk := row.fields.get("desk"):
            yield from _fields_of(get_named_type(desk.type))


@cache
def mutation_of(name: str) -> str:
    """The mutation that an operation executes; empty for a query or a subscription."""
    [node] = parse(Operation(name).document).definitions
    assert isinstance(node, OperationDefinitionNode)
    [part] = node.selection_set.selections
    assert isinstance(part, FieldNode)
    return part.name.value if node.operation.value == "mutation" else ""


@dataclass
class RepeatPlayer(OperationPlayer):
    """Asks once more for whatever a versioned mutation did, with the same values.

    `left_out` are mutations that are meant to do something each time. `repeated` are those that
    were asked for again, `accepted` those that were not refused at least once then, `refused` those
    that were refused for an old version, and `changed` says what each changed in which call of it:
    rows whose version grew, by table, and events.
    """

    left_out: Mapping[str, str] = field(default_factory=dict)
    repeated: set[str] = field(default_factory=set)
    accepted: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    changed: dict[str, list[Mapping[str, int]]] = field(default_factory=lambda: defaultdict(list))

    async def __call__(self, who: str, name: str, /, **given: Any) -> Any:
        answer = await super().__call__(who, name, **given)
        mutation = mutation_of(name)
        is_added = any(given.get(one) for one in ADDED)
        if not is_added and mutation in versioned_mutations() - self.left_out.keys():
            self.repeated.add(mutation)
            before = await self._versions()
            if not await self._ask_again(who, name, given):
                self.refused.add(mutation)
            after = await self._versions()
            if grown := {key: n for key, n in after.items() if n != before[key]}:
                self.changed[mutation].append(grown)
        return answer

    async def _ask_again(self, who: str, name: str, given: Mapping[str, Any]) -> bool:
        """Whether a version that the caller may have seen by now was taken."""
        operation = Operation(name)
        variables = operation.variables(**given)
        seen = variables.get("input", variables).get(EXPECTED)
        for version in (None,) if seen is None else (seen + 1, seen):
            if version is not None:
                variables = {**variables, "input": {**variables["input"], EXPECTED: version}}
            data = await self.clients[who].run(operation.document, variables)
            [(mutation, value)] = data.items()
            errors = value.get("errors") or []
            if not errors:
                self.accepted.add(mutation)
            if not any(error["__typename"] == CONFLICT for error in errors):
                return True
        return False

    async def _versions(self) -> dict[str, int]:
        """The sum of all versions of each table, and the number of events."""
        tables = [table for table in Base.metadata.sorted_tables if VERSION in table.columns]
        figures = {table.name: select(func.sum(table.columns[VERSION])) for table in tables}
        figures["event"] = select(func.count()).select_from(Event)
        columns = [one.scalar_subquery().label(name) for name, one in figures.items()]
        async with self.container.database.read(PLATFORM) as session:
            row = (await session.execute(select(*columns))).one()
        return {key: int(value or 0) for key, value in row._mapping.items()}
