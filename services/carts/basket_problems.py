"""Problems that prevent an order of a basket, with the values that a client needs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from models.money import amount_text
from services.carts import totals
from services.core.problems import Problem

MAX_SHOWN_UNITS = 9
"""Customers see no more: who orders many units must not learn the stock of a store."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmptyCart(Problem):
    """The basket has no lines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductUnavailable(Problem):
    """The store does not sell the product at present."""

    product_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class InsufficientStock(Problem):
    """The store has only `available` units; customers see at most MAX_SHOWN_UNITS."""

    product_id: UUID
    available: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BelowMinimumOrder(Problem):
    """The subtotal is below the company's minimum order."""

    minimum_minor: int
    missing_minor: int
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TotalChanged(Problem):
    """The total differs from the expected one; `current_minor` is the current total."""

    current_minor: int
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryEstimateChanged(Problem):
    """The store that can deliver takes longer than the expected time, in seconds."""

    current_p50_seconds: int
    current_p90_seconds: int


def shortages(
    line_numbers: Mapping[UUID, int], short: Sequence[tuple[UUID, int]]
) -> list[InsufficientStock]:
    """Return a problem for each (product, available units) with insufficient stock."""
    return [_shortage(line_numbers[product_id], product_id, units) for product_id, units in short]


def _shortage(line_number: int, product_id: UUID, units: int) -> InsufficientStock:
    shown = min(max(0, units), MAX_SHOWN_UNITS)
    message = f"Only {shown} of this product are left."
    if shown < units:
        message = f"There are fewer than that left of this product, but {shown} at least."
    path = ["input", "lines", str(line_number)]
    return InsufficientStock(path=path, message=message, product_id=product_id, available=shown)


def price_problems(
    cart_totals: totals.CartTotals, expected_total_minor: int | None
) -> Iterator[Problem]:
    """Yield problems with the amounts: below the minimum order, or not the expected total."""
    if not cart_totals.minimum_reached:
        missing = amount_text(cart_totals.amount_to_minimum_minor, cart_totals.currency)
        message = f"The goods are worth {missing} less than the minimum."
        yield BelowMinimumOrder(
            path=["input"],
            message=message,
            minimum_minor=cart_totals.minimum_order_minor,
            missing_minor=cart_totals.amount_to_minimum_minor,
            currency=cart_totals.currency,
        )
    if expected_total_minor not in (None, cart_totals.total_minor):
        total = amount_text(cart_totals.total_minor, cart_totals.currency)
        yield TotalChanged(
            path=["input", "expectedTotalMinor"],
            message=f"The total is now {total}.",
            current_minor=cart_totals.total_minor,
            currency=cart_totals.currency,
        )
