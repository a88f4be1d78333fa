"""What a basket costs: one pure function that the cart shows and checkout charges.

Prices include tax. The tax inside a gross sum G at a rate of r basis points is
G * r / (10000 + r), rounded half up to the minor unit; the tip is not taxed. Fees and discounts
share the rate of the goods. The sum is computed once over the whole basket, never a line at a
time, so rounding errors don't add up.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from services.catalog.weights import headroom

BASIS_POINTS = 10_000
TIP_MOST_MINOR = 1_000_000


class Tariff(Protocol):
    """The rates of a company, as `models.Company` carries them."""

    @property
    def currency(self) -> str: ...
    @property
    def minimum_order_minor(self) -> int: ...
    @property
    def small_order_fee_minor(self) -> int: ...
    @property
    def small_order_below_minor(self) -> int: ...
    @property
    def delivery_fee_minor(self) -> int: ...
    @property
    def free_delivery_from_minor(self) -> int | None: ...
    @property
    def tax_rate_bp(self) -> int: ...
    @property
    def weighed_headroom_bp(self) -> int: ...


@dataclass(frozen=True, slots=True)
class PricedLine:
    """A product, how many of it, and what one costs (tax included).

    Of what is sold by weight it is the estimate, by `unit_grams` and the price of a kilogram.
    """

    product_id: UUID
    quantity: int
    unit_price_minor: int
    unit_grams: int | None = None
    kilo_price_minor: int | None = None

    @property
    def total_minor(self) -> int:
        return self.quantity * self.unit_price_minor

    def headroom_minor(self, headroom_bp: int) -> int:
        """What may be charged beyond the estimate; 0 for what is not weighed."""
        return 0 if self.unit_grams is None else headroom(self.total_minor, headroom_bp)


@dataclass(frozen=True, slots=True)
class Quote:
    """Every sum of a basket: the total is items + fees + tip - discount, tax included.

    `headroom_minor` is held beyond the total for what may turn out heavier than estimated.
    """

    currency: str
    lines: tuple[PricedLine, ...]
    items_minor: int
    delivery_fee_minor: int
    small_order_fee_minor: int
    discount_minor: int
    tip_minor: int
    tax_minor: int
    total_minor: int
    minimum_order_minor: int
    headroom_minor: int = 0

    @property
    def minimum_reached(self) -> bool:
        """Whether the goods alone reach the company's minimum order."""
        return self.items_minor >= self.minimum_order_minor

    @property
    def missing_minor(self) -> int:
        """What the goods lack to the minimum order."""
        return max(0, self.minimum_order_minor - self.items_minor)


def quote(lines: Iterable[PricedLine], company: Tariff, tip_minor: int = 0) -> Quote:
    """Price a basket in minor units of the company's currency; an empty one costs nothing.

    Raises ValueError for a quantity or price below one and for a negative tip: callers refuse
    those with words of their own first.
    """
    kept = tuple(lines)
    if tip_minor < 0 or any(line.quantity < 1 or line.unit_price_minor < 1 for line in kept):
        raise ValueError("quantities and prices are at least 1, a tip at least 0")
    items = sum(line.total_minor for line in kept)
    delivery = delivery_fee(items, company) if kept else 0
    small = company.small_order_fee_minor if kept and items < company.small_order_below_minor else 0
    tip = tip_minor if kept else 0
    discount = 0  # every promotion that is ever taken off enters here and nowhere else
    taxed = items + delivery + small - discount
    return Quote(
        currency=company.currency,
        lines=kept,
        items_minor=items,
        delivery_fee_minor=delivery,
        small_order_fee_minor=small,
        discount_minor=discount,
        tip_minor=tip,
        tax_minor=included_tax(taxed, company.tax_rate_bp),
        total_minor=taxed + tip,
        minimum_order_minor=company.minimum_order_minor,
        headroom_minor=sum(line.headroom_minor(company.weighed_headroom_bp) for line in kept),
    )


def delivery_fee(items_minor: int, company: Tariff) -> int:
    """The fee for bringing goods worth `items_minor`: free from the company's threshold on."""
    free_from = company.free_delivery_from_minor
    return 0 if free_from is not None and items_minor >= free_from else company.delivery_fee_minor


def included_tax(gross_minor: int, rate_bp: int) -> int:
    """The tax inside a gross sum, rounded half up: floor((2 G r + d) / 2 d) with d = 10000 + r."""
    divisor = BASIS_POINTS + rate_bp
    return (2 * gross_minor * rate_bp + divisor) // (2 * divisor)
