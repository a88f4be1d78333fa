"""Computes the totals of a basket; the cart and the checkout use the same pure function.

Prices include tax. The tax in a gross amount G at a rate of r basis points is
G * r / (10000 + r), rounded half up to the minor unit; the tip is not taxed. Fees and discounts
have the tax rate of the goods. The tax is computed once over the whole basket, not per line, so
rounding errors don't add up.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from services.catalog.weights import authorization_buffer_of

BASIS_POINTS = 10_000
MAX_TIP_MINOR = 1_000_000


class Tariff(Protocol):
    """The fees, thresholds and tax rate of a company, as in `models.Company`."""

    @property
    def currency(self) -> str: ...
    @property
    def minimum_order_minor(self) -> int: ...
    @property
    def small_order_fee_minor(self) -> int: ...
    @property
    def small_order_threshold_minor(self) -> int: ...
    @property
    def delivery_fee_minor(self) -> int: ...
    @property
    def free_delivery_threshold_minor(self) -> int | None: ...
    @property
    def tax_rate_basis_points(self) -> int: ...
    @property
    def authorization_buffer_basis_points(self) -> int: ...


@dataclass(frozen=True, slots=True)
class PricedLine:
    """A product, its quantity and its unit price (tax included).

    For a product sold by weight the price is an estimate from `average_weight_grams` and the price
    per kilogram.
    """

    product_id: UUID
    quantity: int
    unit_price_minor: int
    average_weight_grams: int | None = None
    price_per_kilogram_minor: int | None = None

    @property
    def total_minor(self) -> int:
        return self.quantity * self.unit_price_minor

    def authorization_buffer_minor(self, authorization_buffer_basis_points: int) -> int:
        """Return the amount that may be charged beyond the estimate; 0 if not sold by weight."""
        return (
            0
            if self.average_weight_grams is None
            else authorization_buffer_of(self.total_minor, authorization_buffer_basis_points)
        )


@dataclass(frozen=True, slots=True)
class CartTotals:
    """The totals of a basket: total = items + fees + tip - discount, tax included.

    `authorization_buffer_minor` is authorized beyond the total for products heavier than estimated.
    """

    currency: str
    lines: tuple[PricedLine, ...]
    subtotal_minor: int
    delivery_fee_minor: int
    small_order_fee_minor: int
    discount_minor: int
    tip_minor: int
    tax_minor: int
    tax_rate_basis_points: int
    total_minor: int
    minimum_order_minor: int
    authorization_buffer_minor: int = 0

    @property
    def minimum_reached(self) -> bool:
        """Whether the subtotal of the goods reaches the company's minimum order."""
        return self.subtotal_minor >= self.minimum_order_minor

    @property
    def amount_to_minimum_minor(self) -> int:
        """The amount that is missing to the minimum order."""
        return max(0, self.minimum_order_minor - self.subtotal_minor)


def compute_totals(
    lines: Iterable[PricedLine],
    company: Tariff,
    tip_minor: int = 0,
    *,
    delivers: bool = True,
    tax_rate_basis_points: int | None = None,
) -> CartTotals:
    """Compute the totals in minor units of the company's currency; zero for an empty basket.

    A basket that the customer collects has no fees. An order keeps the tax rate that is given.
    Raises ValueError for a quantity or price below 1 and for a negative tip.
    """
    priced_lines = tuple(lines)
    _check_amounts(priced_lines, tip_minor)
    items = sum(line.total_minor for line in priced_lines)
    has_fees = delivers and bool(priced_lines)
    delivery = delivery_fee(items, company) if has_fees else 0
    is_small = has_fees and items < company.small_order_threshold_minor
    small_order_fee = company.small_order_fee_minor if is_small else 0
    tip = tip_minor if priced_lines else 0
    discount = 0  # the only place where promotions will be subtracted
    taxed = items + delivery + small_order_fee - discount
    rate = company.tax_rate_basis_points if tax_rate_basis_points is None else tax_rate_basis_points
    return CartTotals(
        currency=company.currency,
        lines=priced_lines,
        subtotal_minor=items,
        delivery_fee_minor=delivery,
        small_order_fee_minor=small_order_fee,
        discount_minor=discount,
        tip_minor=tip,
        tax_minor=included_tax(taxed, rate),
        tax_rate_basis_points=rate,
        total_minor=taxed + tip,
        minimum_order_minor=company.minimum_order_minor,
        authorization_buffer_minor=_authorization_buffer(priced_lines, company),
    )


def _authorization_buffer(lines: tuple[PricedLine, ...], company: Tariff) -> int:
    basis_points = company.authorization_buffer_basis_points
    return sum(line.authorization_buffer_minor(basis_points) for line in lines)


def _check_amounts(lines: tuple[PricedLine, ...], tip_minor: int) -> None:
    if tip_minor < 0 or any(line.quantity < 1 or line.unit_price_minor < 1 for line in lines):
        raise ValueError("quantities and prices are at least 1, a tip at least 0")


def delivery_fee(subtotal_minor: int, company: Tariff) -> int:
    """Return the delivery fee of goods worth `subtotal_minor`; 0 from the company's threshold."""
    free_from = company.free_delivery_threshold_minor
    return (
        0 if free_from is not None and subtotal_minor >= free_from else company.delivery_fee_minor
    )


def included_tax(gross_minor: int, rate_bp: int) -> int:
    """Return the tax in a gross amount, half up: floor((2 G r + d) / 2 d) with d = 10000 + r."""
    divisor = BASIS_POINTS + rate_bp
    return (2 * gross_minor * rate_bp + divisor) // (2 * divisor)
