"""Order requests, priced in each store that could fulfill them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from uuid import UUID

from sqlalchemy import Uuid, any_, bindparam, select, tuple_
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from database.statements import prepared
from models.catalog import MINIMUM_AGE, Listing, Product
from models.orders import FulfillmentMethod
from models.stock import StockLevel
from services.carts import totals
from services.carts.age_restrictions import age_problems
from services.carts.basket_problems import (
    EmptyCart,
    ProductUnavailable,
    price_problems,
    shortages,
    visible_shortages,
)
from services.carts.baskets import CartsByCompany, OrderRequest, RequestedLine
from services.carts.carts import validate_line_count
from services.core.problems import DomainError, Problem
from services.stores import coverage

MAX_CANDIDATE_STORES = 5

_STOCK_KEY = tuple_(StockLevel.store_id, StockLevel.product_id)
LISTING_SNAPSHOTS = prepared(
    select(
        Listing.store_id,
        Listing.product_id,
        Product.name,
        Listing.price_minor,
        Listing.available & Product.active,
        StockLevel.on_hand - StockLevel.reserved,
        Listing.average_weight_grams,
        Listing.price_per_kilogram_minor,
        Product.age_restricted,
    )
    .join(Product, Product.id == Listing.product_id)
    .outerjoin(StockLevel, tuple_(Listing.store_id, Listing.product_id) == _STOCK_KEY)
    .where(
        Listing.store_id == any_(bindparam("stores", type_=ARRAY(Uuid))),
        Listing.product_id == any_(bindparam("products", type_=ARRAY(Uuid))),
    )
)


@dataclass(frozen=True, slots=True)
class SourcingPlan:
    """How one store would fulfill an order request, or the problems that prevent it."""

    serving_store: coverage.ServingStore
    lines: tuple[RequestedLine, ...]
    names: Mapping[UUID, str]
    cart_totals: totals.CartTotals
    problems: tuple[Problem, ...]
    age_restricted: frozenset[UUID]
    """The products that are not sold to minors."""
    available: Mapping[UUID, int]
    """The available units of each product that the store sells, when it was read."""
    cart_version: int | None = None
    """The version of the cart that is ordered; None for an order of explicit lines."""

    @property
    def units(self) -> dict[UUID, int]:
        """The ordered quantity of each product."""
        return {line.product_id: line.quantity for line in self.lines}

    @property
    def line_numbers(self) -> dict[UUID, int]:
        """The index of each product's line."""
        return {line.product_id: index for index, line in enumerate(self.lines)}


@dataclass(frozen=True, slots=True)
class ListingSnapshot:
    """The price and availability of a product in a store at the time of reading."""

    name: str
    price_minor: int
    sold: bool
    available: int
    average_weight_grams: int | None = None
    price_per_kilogram_minor: int | None = None
    age_restricted: bool = False


def candidate_stores(
    request: OrderRequest, store_coverage: coverage.Coverage
) -> list[coverage.ServingStore]:
    """The nearest stores of one company that deliver there.

    The company is the requested one, else that of the nearest store. Raises DomainError:
    NotServiceable.
    """
    serving_stores = store_coverage.serving_stores
    if not serving_stores:
        field = "location" if request.address_id is None else "addressId"
        raise store_coverage.not_serviceable_error("input", "destination", field)
    company_id = serving_stores[0].company.id
    candidates = [serving for serving in serving_stores if serving.company.id == company_id]
    return candidates[:MAX_CANDIDATE_STORES]


def requested_products(
    request: OrderRequest, candidates: Sequence[coverage.ServingStore], carts: CartsByCompany
) -> list[UUID]:
    """The products of the request or of the cart at the candidates' company."""
    cart = carts.get(candidates[0].company.id) if request.lines is None else None
    lines = request.lines or (cart.lines if cart else ())
    return [line.product_id for line in lines]


async def plan_sourcing(
    session: AsyncSession,
    request: OrderRequest,
    candidates: Sequence[coverage.ServingStore],
    carts: CartsByCompany,
    own_units: Mapping[UUID, Mapping[UUID, int]] = MappingProxyType({}),
) -> list[SourcingPlan]:
    """Price the request in each candidate store of one company.

    `own_units` (by store and product) are those that an earlier try of this request has reserved:
    they are available to it. Raises DomainError: EmptyCart, LineLimit for a cart that a merge made
    too long.
    """
    cart = carts.get(candidates[0].company.id) if request.lines is None else None
    lines = request.lines or (cart.lines if cart else ())
    if not lines:
        raise DomainError(EmptyCart(path=["input"], message="There is nothing to order."))
    validate_line_count(len(lines))
    snapshots = await _listing_snapshots(session, candidates, lines, own_units)
    plans = [
        _plan(request, candidate, lines, snapshots.get(candidate.store.id, {}))
        for candidate in candidates
    ]
    return plans if cart is None else [replace(plan, cart_version=cart.version) for plan in plans]


async def _listing_snapshots(
    session: AsyncSession,
    candidates: Sequence[coverage.ServingStore],
    lines: Sequence[RequestedLine],
    own_units: Mapping[UUID, Mapping[UUID, int]],
) -> dict[UUID, dict[UUID, ListingSnapshot]]:
    """Return the snapshots by store id and product id."""
    rows = await session.execute(
        LISTING_SNAPSHOTS,
        {
            "stores": [candidate.store.id for candidate in candidates],
            "products": [line.product_id for line in lines],
        },
    )
    snapshots: dict[UUID, dict[UUID, ListingSnapshot]] = {}
    for store_id, product_id, name, price_minor, sold, free, grams, kilo_minor, restricted in rows:
        available = (free or 0) + own_units.get(store_id, {}).get(product_id, 0)
        snapshot = ListingSnapshot(
            name, price_minor, sold, available, grams, kilo_minor, restricted
        )
        snapshots.setdefault(store_id, {})[product_id] = snapshot
    return snapshots


def _plan(
    request: OrderRequest,
    candidate: coverage.ServingStore,
    lines: tuple[RequestedLine, ...],
    snapshots: Mapping[UUID, ListingSnapshot],
) -> SourcingPlan:
    sold = [
        line for line in lines if line.product_id in snapshots and snapshots[line.product_id].sold
    ]
    priced_lines = [_price_line(line, snapshots[line.product_id]) for line in sold]
    delivers = request.method is FulfillmentMethod.DELIVERY
    cart_totals = totals.compute_totals(
        priced_lines, candidate.company, request.tip_minor, delivers=delivers
    )
    problems: list[Problem] = [
        ProductUnavailable(
            path=["input", "lines", str(index)],
            message="This store doesn't sell that product now.",
            product_id=line.product_id,
        )
        for index, line in enumerate(lines)
        if line not in sold
    ]
    available = {line.product_id: snapshots[line.product_id].available for line in sold}
    units = {line.product_id: line.quantity for line in sold}
    line_numbers = {line.product_id: index for index, line in enumerate(lines)}
    problems += visible_shortages(line_numbers, available, units)
    restricted = frozenset(line.product_id for line in lines if _is_restricted(line, snapshots))
    problems += _age_problems(request, [key for key in line_numbers if key in restricted])
    # Only a request without another problem learns of a shortage that a cart does not show.
    problems = (
        problems
        or [*price_problems(cart_totals, request.expected_total_minor)]
        or [*shortages(line_numbers, available, units)]
    )
    names = {key: snapshot.name for key, snapshot in snapshots.items()}
    return SourcingPlan(
        candidate, lines, names, cart_totals, tuple(problems), restricted, available
    )


def _age_problems(request: OrderRequest, restricted: Sequence[UUID]) -> Sequence[Problem]:
    confirmed_age = MINIMUM_AGE if request.age_confirmed else None
    message = "confirm your age. It is checked at the handover."
    return age_problems(restricted, confirmed_age, "input", "ageConfirmed", message=message)


def _is_restricted(line: RequestedLine, snapshots: Mapping[UUID, ListingSnapshot]) -> bool:
    snapshot = snapshots.get(line.product_id)
    return snapshot is not None and snapshot.age_restricted


def _price_line(line: RequestedLine, snapshot: ListingSnapshot) -> totals.PricedLine:
    by_weight = snapshot.average_weight_grams, snapshot.price_per_kilogram_minor
    return totals.PricedLine(line.product_id, line.quantity, snapshot.price_minor, *by_weight)
