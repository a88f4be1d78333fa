"""The rows of the test shop: five valid products, and one for each kind of invalid value."""

# Some rows have invalid values, and rows are used as GraphQL types, on purpose.
# mypy: disable-error-code="arg-type, assignment, list-item, misc, return-value, unreachable"
# mypy: disable-error-code="untyped-decorator"

import enum
from dataclasses import dataclass, field
from typing import Any

import strawberry


class Unit(enum.Enum):
    PIECE = "piece"
    KILOGRAM = "kg"


@dataclass
class MoneyRow:
    minor: Any
    currency: Any = "EUR"


@dataclass
class BrandRow:
    id: Any
    name: Any


@dataclass
class ProductRow:
    id: Any
    name: Any
    price: Any
    brand_id: Any = 0
    tags: Any = field(default_factory=lambda: ["fresh", "red"])
    grid: Any = field(default_factory=lambda: [[1, 2], [], [3]])
    unit: Any = None
    weight: Any = 1.5
    note: Any = None
    boxes: Any = field(default_factory=list)


@dataclass
class BundleRow:
    id: Any
    name: Any
    products: Any


@strawberry.type
class Box:
    """A plain Strawberry type, whose values are its own instances."""

    size: int
    inside: "Box | None" = None


ROWS = [
    ProductRow(n, f"product {n}", MoneyRow(100 * n), n % 3, unit=(None, *Unit)[n % 3])
    for n in range(1, 6)
]
ROWS[1].boxes = [Box(size=1, inside=Box(size=2)), None, Box(size=3)]
FAULTY: list[Any] = [
    ProductRow(10, None, MoneyRow(1)),
    ProductRow(11, "price", None, 9),
    ProductRow(12, "minor", MoneyRow("many"), None),
    ProductRow(13, "price type", 7, tags=None, grid=[[1], None]),
    ProductRow(14, ValueError("a name that is an error"), MoneyRow(2**40), tags=["a", None]),
    ProductRow(15, "leaves", MoneyRow(1.0), weight=float("nan"), unit="stone", note=object()),
    ProductRow(16, 16, MoneyRow(True), weight=3, unit=Unit.PIECE, note=["x"], grid=[[1, "two"]]),
    ProductRow(17, "boxes", MoneyRow(5), boxes=[Box(size=1), "no box"], tags="not a list"),
    object(),
    None,
    ValueError("a product that is an error"),
]
BRAND = BrandRow(1, "brand 1")
MONEY = MoneyRow(5)
BUNDLE = BundleRow(20, "bundle", ROWS[:2])
