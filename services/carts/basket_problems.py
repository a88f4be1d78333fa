"""Why a basket can't be ordered as it stands: each reason with the facts that a client needs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from services.carts import totals
from services.core.problems import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class EmptyCart(Problem):
    """There is nothing to order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductUnavailable(Problem):
    """The store doesn't sell that product, or not now."""

    product_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class InsufficientStock(Problem):
    """The nearest store has only `available` units of the product."""

    product_id: UUID
    available: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BelowMinimum(Problem):
    """The goods are worth less than the company's minimum order."""

    minimum_minor: int
    missing_minor: int
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceChanged(Problem):
    """The total is no longer the one that was shown; `current_minor` is."""

    current_minor: int
    currency: str


def shortages(
    places: Mapping[UUID, int], short: Sequence[tuple[UUID, int]]
) -> list[InsufficientStock]:
    """The reasons for products of which there is too little; `places` are the lines' numbers."""
    return [
        InsufficientStock(
            path=["input", "lines", str(places[product_id])],
            message=f"Only {max(0, left)} of this product are left.",
            product_id=product_id,
            available=max(0, left),
        )
        for product_id, left in short
    ]


def price_problems(quote: totals.Quote, expected_total_minor: int | None) -> Iterator[Problem]:
    """What is wrong with the sums: too little for the company, or not what the client showed."""
    if not quote.minimum_reached:
        message = f"The goods are worth {quote.missing_minor} minor units less than the minimum."
        yield BelowMinimum(
            path=["input"],
            message=message,
            minimum_minor=quote.minimum_order_minor,
            missing_minor=quote.missing_minor,
            currency=quote.currency,
        )
    if expected_total_minor not in (None, quote.total_minor):
        yield PriceChanged(
            path=["input", "expectedTotalMinor"],
            message=f"The total is now {quote.total_minor} minor units.",
            current_minor=quote.total_minor,
            currency=quote.currency,
        )
