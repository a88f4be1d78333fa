"""Snapshots of what was ordered, at which prices and to where: before and after a change."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from models.carts import SubstitutionPreference
from models.orders import Order, OrderLine

ORDER_COLUMNS = (
    "subtotal_minor",
    "delivery_fee_minor",
    "small_order_fee_minor",
    "discount_minor",
    "tip_minor",
    "tax_minor",
    "total_minor",
    "authorization_buffer_minor",
    "latitude",
    "longitude",
    "address_line",
    "delivery_instructions",
    "dropoff_distance_meters",
    "promise_p50_seconds",
    "promise_p90_seconds",
)
WISHES = ("latitude", "longitude", "address_line", "delivery_instructions", "tip_minor")
"""The columns that a customer chooses; the others follow from them and from the lines."""
LINE_COLUMNS = (
    "name",
    "quantity",
    "unit_price_minor",
    "average_weight_grams",
    "price_per_kilogram_minor",
    "authorization_buffer_minor",
    "substitution_preference",
    "age_restricted",
)


@dataclass(frozen=True, slots=True)
class LineSnapshot:
    """A line of an order as it was priced."""

    product_id: UUID
    name: str
    quantity: int
    unit_price_minor: int
    average_weight_grams: int | None
    price_per_kilogram_minor: int | None
    authorization_buffer_minor: int
    substitution_preference: SubstitutionPreference
    age_restricted: bool = False

    @property
    def total_minor(self) -> int:
        return self.quantity * self.unit_price_minor


@dataclass(frozen=True, slots=True)
class OrderSnapshot:
    """The lines of an order, and the values of the columns ORDER_COLUMNS."""

    lines: tuple[LineSnapshot, ...]
    values: Mapping[str, Any]

    @property
    def units(self) -> dict[UUID, int]:
        """The ordered quantity of each product."""
        return {line.product_id: line.quantity for line in self.lines}

    @property
    def wishes(self) -> tuple[Any, ...]:
        """What the customer chooses: the lines, in any order, the place, the note and the tip."""
        lines = {line.product_id: line for line in self.lines}
        return lines, *(self.values[name] for name in WISHES)

    @property
    def authorized_amount_minor(self) -> int:
        """What has to be authorized: the total, and what weighed products may cost beyond it."""
        return int(self.values["total_minor"]) + int(self.values["authorization_buffer_minor"])

    def to_json(self) -> dict[str, Any]:
        lines = [asdict(line) | {"product_id": str(line.product_id)} for line in self.lines]
        return {"lines": lines, "values": dict(self.values)}


def snapshot_of(order: Order, lines: Iterable[OrderLine]) -> OrderSnapshot:
    """The snapshot of an order as it is now."""
    return OrderSnapshot(
        tuple(
            LineSnapshot(line.product_id, **{name: getattr(line, name) for name in LINE_COLUMNS})
            for line in lines
        ),
        {name: getattr(order, name) for name in ORDER_COLUMNS},
    )


def from_json(body: Mapping[str, Any]) -> OrderSnapshot:
    """The snapshot that `OrderSnapshot.to_json` wrote."""
    lines = (
        LineSnapshot(
            **line
            | {
                "product_id": UUID(line["product_id"]),
                "substitution_preference": SubstitutionPreference(line["substitution_preference"]),
            }
        )
        for line in body["lines"]
    )
    return OrderSnapshot(tuple(lines), body["values"])


def write_order(order: Order, snapshot: OrderSnapshot) -> None:
    """Give an order the totals and the address of a snapshot; its lines are left to the caller."""
    for name in ORDER_COLUMNS:
        setattr(order, name, snapshot.values[name])


def write_line(line: OrderLine, snapshot: LineSnapshot, position: int) -> OrderLine:
    """Give an order line the values of a snapshot."""
    for name in LINE_COLUMNS:
        setattr(line, name, getattr(snapshot, name))
    line.total_minor, line.position = snapshot.total_minor, position
    return line
