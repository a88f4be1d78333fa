"""Carts priced for one store: the price of each line and the totals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from models.carts import Cart, CartLine, CartLineIssue, SubstitutionPreference
from models.catalog import Availability
from models.companies import Company
from services.carts import carts
from services.carts.basket_problems import is_visibly_short, shown_units
from services.carts.totals import CartTotals, PricedLine, compute_totals
from services.catalog.listed_products import ListedProduct


@dataclass(frozen=True, slots=True)
class PricedCartLine:
    """A cart line with its price; `product` is None if the store does not sell it."""

    product_id: UUID
    quantity: int
    substitution_preference: SubstitutionPreference
    product: ListedProduct | None
    currency: str

    @property
    def unit_price_minor(self) -> int | None:
        return self.product.price_minor if self.product else None

    @property
    def total_minor(self) -> int | None:
        price = self.unit_price_minor
        return None if price is None else price * self.quantity

    @property
    def availability(self) -> Availability:
        return (self.product and self.product.availability) or Availability.OUT_OF_STOCK

    @property
    def issue(self) -> CartLineIssue | None:
        """Why the line can't be ordered at present."""
        if self.product is None:
            return CartLineIssue.NOT_LISTED
        if self.product.orderable_units == 0:
            return CartLineIssue.OUT_OF_STOCK
        is_short = is_visibly_short(self.product.orderable_units, self.quantity)
        return CartLineIssue.INSUFFICIENT_STOCK if is_short else None

    @property
    def orderable_quantity(self) -> int:
        """The part of the quantity that can be ordered now, as customers may see it.

        In the range of the available units (`SHOWN_UNITS`) it is all, and the order may be refused.
        """
        if self.product is None or self.issue is None:
            return self.quantity if self.product else 0
        return shown_units(self.product.orderable_units)


@dataclass(frozen=True, slots=True)
class PricedCart:
    """A cart priced for one store. `id` is None until the first line is added."""

    id: UUID | None
    version: int
    updated_at: datetime | None
    lines: list[PricedCartLine]
    totals: CartTotals
    pickup_totals: CartTotals | None = None

    @property
    def ready_for_checkout(self) -> bool:
        """Whether the cart can be ordered at present."""
        no_problems = all(line.issue is None for line in self.lines)
        count_allowed = 0 < len(self.lines) <= carts.MAX_CART_LINES
        return count_allowed and no_problems and self.totals.minimum_reached


def price_cart(
    cart: Cart | None,
    lines: Sequence[CartLine],
    products: Mapping[UUID, ListedProduct],
    company: Company,
    tip_minor: int = 0,
    *,
    pickup_enabled: bool = False,
) -> PricedCart:
    """Price a cart for one store; lines that the store does not sell cost nothing."""
    cart_lines = [
        PricedCartLine(
            line.product_id,
            line.quantity,
            line.substitution,
            products.get(line.product_id),
            company.currency,
        )
        for line in lines
    ]
    priced_lines = [
        PricedLine(
            line.product_id,
            line.quantity,
            product.price_minor,
            product.average_weight_grams,
            product.price_per_kilogram_minor,
        )
        for line in cart_lines
        if (product := line.product) is not None and product.price_minor is not None
    ]
    return PricedCart(
        cart.id if cart else None,
        cart.version if cart else 0,
        cart.updated_at if cart else None,
        cart_lines,
        compute_totals(priced_lines, company, tip_minor),
        compute_totals(priced_lines, company, delivers=False) if pickup_enabled else None,
    )
