"""Order requests, priced in each store that could fulfill them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Uuid, any_, bindparam, select, tuple_
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from database.statements import prepared
from models.accounts import Address, Person
from models.carts import Cart, CartLine, Substitution
from models.catalog import Listing, Product
from models.geo_point import Point
from models.orders import FulfillmentMethod
from models.stock import Stock
from services.carts import totals
from services.carts.basket_problems import (
    EmptyCart,
    ProductUnavailable,
    age_problem,
    price_problems,
    shortages,
)
from services.core.problems import DomainError, Problem, not_found
from services.core.text import parse_line
from services.stores import coverage

MAX_LINES = 100
MAX_UNITS_PER_LINE = 99
MAX_CANDIDATE_STORES = 5
MAX_NOTE_LENGTH = 300

CART_LINES_OF_PERSON = prepared(
    select(Cart.company_id, CartLine.product_id, CartLine.quantity, CartLine.substitution)
    .join(CartLine, CartLine.cart_id == Cart.id)
    .where(Cart.person_id == bindparam("person"))
    .order_by(CartLine.added_at, CartLine.product_id)
)
_STOCK_KEY = tuple_(Stock.store_id, Stock.product_id)
LISTING_SNAPSHOTS = prepared(
    select(
        Listing.store_id,
        Listing.product_id,
        Product.name,
        Listing.price_minor,
        Listing.available & Product.active,
        Stock.on_hand - Stock.held,
        Listing.unit_grams,
        Listing.kilo_price_minor,
        Product.age_restricted,
    )
    .join(Product, Product.id == Listing.product_id)
    .outerjoin(Stock, tuple_(Listing.store_id, Listing.product_id) == _STOCK_KEY)
    .where(
        Listing.store_id == any_(bindparam("stores", type_=ARRAY(Uuid))),
        Listing.product_id == any_(bindparam("products", type_=ARRAY(Uuid))),
    )
)


@dataclass(frozen=True, slots=True)
class RequestedLine:
    """A product, its quantity and the substitution preference."""

    product_id: UUID
    quantity: int
    substitution: Substitution = Substitution.REFUND


CartLinesByCompany = Mapping[UUID, tuple[RequestedLine, ...]]
"""The lines of a person's carts by company id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRequest:
    """A requested order, to an address or a point or from a store; its lines, or the cart's."""

    method: FulfillmentMethod = FulfillmentMethod.DELIVERY
    store_id: UUID | None = None
    address_id: UUID | None = None
    point: Point | None = None
    company_id: UUID | None = None
    lines: tuple[RequestedLine, ...] | None = None
    address_line: str = ""
    drop_note: str = ""
    tip_minor: int = 0
    age_confirmed: bool = False
    expected_total_minor: int | None = None


@dataclass(frozen=True, slots=True)
class DeliveryTarget:
    """The customer, and the location of a delivery or of the store to collect from."""

    customer_id: UUID
    customer_name: str
    point: Point
    address_line: str
    drop_note: str
    method: FulfillmentMethod = FulfillmentMethod.DELIVERY


@dataclass(frozen=True, slots=True)
class SourcingPlan:
    """How one store would fulfill an order request, or the problems that prevent it."""

    serving_store: coverage.ServingStore
    lines: tuple[RequestedLine, ...]
    names: Mapping[UUID, str]
    cart_totals: totals.CartTotals
    problems: tuple[Problem, ...]
    age_restricted: frozenset[UUID] = frozenset()
    """The products that are not sold to minors."""

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
    unit_grams: int | None = None
    kilo_price_minor: int | None = None
    age_restricted: bool = False


async def resolve_target(
    session: AsyncSession, customer_id: UUID, request: OrderRequest
) -> DeliveryTarget:
    """Return the delivery target: the customer's saved address, or the point in the request.

    Raises DomainError: NotFound, InvalidInput.
    """
    person = await session.get(Person, customer_id)
    if person is None:
        raise not_found(Person)
    address_line = parse_line(
        request.address_line, "input", "addressLine", max_length=MAX_NOTE_LENGTH
    )
    note = parse_line(request.drop_note, "input", "dropNote", max_length=MAX_NOTE_LENGTH)
    if request.point is not None:
        return DeliveryTarget(
            customer_id, person.name, request.point, address_line, note, request.method
        )
    address = await session.get(Address, request.address_id)
    if address is None or address.person_id != customer_id or address.removed_at is not None:
        raise not_found(Address, "addressId")
    gate = f"Gate code {address.gate_code}" if address.gate_code else ""
    notes = ". ".join(part for part in (gate, address.drop_note, note) if part)
    point = Point(address.latitude, address.longitude)
    return DeliveryTarget(customer_id, person.name, point, address_line or address.line, notes)


async def load_cart_lines(session: AsyncSession, person_id: UUID) -> CartLinesByCompany:
    """Load the lines of a person's carts by company."""
    rows = await session.execute(CART_LINES_OF_PERSON, {"person": person_id})
    lines_by_company: dict[UUID, list[RequestedLine]] = {}
    for company_id, product_id, quantity, substitution in rows:
        line = RequestedLine(product_id, quantity, substitution)
        lines_by_company.setdefault(company_id, []).append(line)
    return {company_id: tuple(lines) for company_id, lines in lines_by_company.items()}


async def plan_sourcing(
    session: AsyncSession,
    request: OrderRequest,
    store_coverage: coverage.Coverage,
    cart_lines: CartLinesByCompany,
) -> list[SourcingPlan]:
    """Price the request in the nearest stores of one company that deliver there.

    The company is the requested one, else that of the nearest store. Raises DomainError:
    NotServiceable, EmptyCart.
    """
    serving_stores = store_coverage.serving_stores
    if not serving_stores:
        field = "at" if request.address_id is None else "addressId"
        raise store_coverage.not_serviceable_error("input", field)
    company_id = serving_stores[0].company.id
    lines = cart_lines.get(company_id, ()) if request.lines is None else request.lines
    if not lines:
        raise DomainError(EmptyCart(path=["input"], message="There is nothing to order."))
    candidates = [serving for serving in serving_stores if serving.company.id == company_id]
    candidates = candidates[:MAX_CANDIDATE_STORES]
    snapshots = await _listing_snapshots(session, candidates, lines)
    return [
        _plan(request, candidate, lines, snapshots.get(candidate.store.id, {}))
        for candidate in candidates
    ]


async def _listing_snapshots(
    session: AsyncSession,
    candidates: Sequence[coverage.ServingStore],
    lines: Sequence[RequestedLine],
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
    for store_id, product_id, name, price_minor, sold, available, *by_weight, restricted in rows:
        in_stock, grams_and_price = available or 0, (by_weight[0], by_weight[1])
        snapshot = ListingSnapshot(name, price_minor, sold, in_stock, *grams_and_price, restricted)
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
    short = [(key, left) for key, left in available.items() if left < units[key]]
    problems += shortages(line_numbers, short)
    restricted = frozenset(line.product_id for line in lines if _is_restricted(line, snapshots))
    if restricted and not request.age_confirmed:
        problems.append(age_problem([key for key in line_numbers if key in restricted]))
    if not problems:
        problems += price_problems(cart_totals, request.expected_total_minor)
    names = {key: snapshot.name for key, snapshot in snapshots.items()}
    return SourcingPlan(candidate, lines, names, cart_totals, tuple(problems), restricted)


def _is_restricted(line: RequestedLine, snapshots: Mapping[UUID, ListingSnapshot]) -> bool:
    snapshot = snapshots.get(line.product_id)
    return snapshot is not None and snapshot.age_restricted


def _price_line(line: RequestedLine, snapshot: ListingSnapshot) -> totals.PricedLine:
    by_weight = snapshot.unit_grams, snapshot.kilo_price_minor
    return totals.PricedLine(line.product_id, line.quantity, snapshot.price_minor, *by_weight)
