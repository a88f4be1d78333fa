"""Problems that prevent an order of a basket, with the values that a client needs."""

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from uuid import UUID

from models.money import amount_text
from services.carts import totals
from services.core.problems import Problem

SHOWN_UNITS = (*range(10), 10, 20, 50)
"""What customers see of a number of units: 0 to 9 as it is, above that the beginning of a range.

Who asks for many units must not learn the stock of a store, however often they ask.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmptyCart(Problem):
    """The basket has no lines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductUnavailable(Problem):
    """The store does not sell the product at present."""

    product_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class InsufficientStock(Problem):
    """The store has only `available` units; customers see them as SHOWN_UNITS."""

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


def shown_units(units: int) -> int:
    """What customers see of a number of units: the largest of SHOWN_UNITS that is not above it."""
    shown: int = SHOWN_UNITS[bisect_right(SHOWN_UNITS, max(0, units)) - 1]
    return shown


def is_visibly_short(available: int, asked: int) -> bool:
    """Whether customers may be told without an order that fewer than the asked units are there."""
    return available < shown_units(asked)


def visible_shortages(
    line_numbers: Mapping[UUID, int], available: Mapping[UUID, int], asked: Mapping[UUID, int]
) -> list[InsufficientStock]:
    """The problems of those products of which a cart shows that fewer units are there."""
    return [
        _shortage(line_numbers[product_id], product_id, units)
        for product_id, units in available.items()
        if is_visibly_short(units, asked[product_id])
    ]


def shortages(
    line_numbers: Mapping[UUID, int], available: Mapping[UUID, int], asked: Mapping[UUID, int]
) -> list[InsufficientStock]:
    """The problems of products with fewer available units than are asked for.

    Those that a cart shows, or else the first one alone: otherwise one refused order with many
    lines would compare the stock of each product with a number of the caller's choice.
    """
    if visible := visible_shortages(line_numbers, available, asked):
        return visible
    short = ((key, units) for key, units in available.items() if units < asked[key])
    return [_shortage(line_numbers[key], key, units) for key, units in islice(short, 1)]


def _shortage(line_number: int, product_id: UUID, units: int) -> InsufficientStock:
    shown = shown_units(units)
    message = f"Only {shown} left of this product."
    if shown >= SHOWN_UNITS[10]:
        message = f"At least {shown} of this product are left, but not as many as you ask for."
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
    yield from total_problems(cart_totals.total_minor, cart_totals.currency, expected_total_minor)


def total_problems(
    total_minor: int, currency: str, expected_total_minor: int | None
) -> Iterator[Problem]:
    """Yield a problem if the total is not the expected one."""
    if expected_total_minor not in (None, total_minor):
        yield TotalChanged(
            path=["input", "expectedTotalMinor"],
            message=f"The total is now {amount_text(total_minor, currency)}.",
            current_minor=total_minor,
            currency=currency,
        )
