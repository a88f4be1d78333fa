"""Scalars and input types of every kind."""

from typing import Any, NewType

import strawberry

from tests.support.execution.shop_rows import Unit

Basis = NewType("Basis", int)


def serialize_basis(value: int) -> int:
    if value < 0:
        raise ValueError("no negative basis points")
    return value


SCALARS: Any = {
    Basis: strawberry.scalar(name="Basis", serialize=serialize_basis, parse_value=Basis)
}


@strawberry.input
class Range:
    low: int = 0
    high: int | None = strawberry.UNSET
    units: list[Unit] = strawberry.field(default_factory=lambda: [Unit.PIECE])


@strawberry.input
class Filter:
    """A recursive input type with fields that may be omitted."""

    name: strawberry.Maybe[str | None]
    low: strawberry.Maybe[int]
    range: Range | None = None
    ranges: list[Range | None] = strawberry.field(default_factory=list)
    either: list["Filter"] | None = None
    nested: list[list[int]] | None = strawberry.UNSET
    basis: Basis | None = None


@strawberry.input(one_of=True)
class OneKey:
    by_id: strawberry.Maybe[strawberry.ID]
    by_name: strawberry.Maybe[str]
