"""A cart beside the store that would fill it: each line's price, and every sum of the whole."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from models.carts import Cart, CartLine, CartProblem, Substitution
from models.catalog import Availability
from models.companies import Company
from services.carts.totals import PricedLine, Quote, quote
from services.catalog.listed_products import Offer


@dataclass(frozen=True, slots=True)
class PricedCartLine:
    """A product in a cart; without an offer when the store does not sell it."""

    product_id: UUID
    quantity: int
    substitution: Substitution
    product: Offer | None
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
        return (self.product and self.product.availability) or Availability.OUT

    @property
    def problem(self) -> CartProblem | None:
        """Why the line can't be ordered as it stands."""
        if self.product is None:
            return CartProblem.NOT_LISTED
        if self.product.orderable == 0:
            return CartProblem.OUT_OF_STOCK
        return CartProblem.NOT_ENOUGH if self.product.orderable < self.quantity else None

    @property
    def orderable_quantity(self) -> int:
        """How many of those in the line could be ordered now; tells no more of the stock."""
        return min(self.quantity, self.product.orderable) if self.product else 0


@dataclass(frozen=True, slots=True)
class PricedCart:
    """A cart priced for one store. `id` is None until something was put in."""

    id: UUID | None
    version: int
    updated_at: datetime | None
    lines: list[PricedCartLine]
    quote: Quote

    @property
    def orderable(self) -> bool:
        """Whether it could be ordered as it stands."""
        fine = all(line.problem is None for line in self.lines)
        return bool(self.lines) and fine and self.quote.minimum_reached


def priced(
    cart: Cart | None,
    lines: Sequence[CartLine],
    offers: Mapping[UUID, Offer],
    company: Company,
    tip_minor: int = 0,
) -> PricedCart:
    """Price a cart by the offers of one store; what it does not sell costs nothing."""
    shown = [
        PricedCartLine(
            line.product_id,
            line.quantity,
            line.substitution,
            offers.get(line.product_id),
            company.currency,
        )
        for line in lines
    ]
    costing = [
        PricedLine(
            line.product_id,
            line.quantity,
            offer.price_minor,
            offer.unit_grams,
            offer.kilo_price_minor,
        )
        for line in shown
        if (offer := line.product) is not None and offer.price_minor is not None
    ]
    return PricedCart(
        cart.id if cart else None,
        cart.version if cart else 0,
        cart.updated_at if cart else None,
        shown,
        quote(costing, company, tip_minor),
    )
