"""What a customer wants brought to a place, priced in every store that could bring it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Uuid, any_, bindparam, select, tuple_
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from database.statements import kept
from models.accounts import Address, Person
from models.carts import Cart, CartLine, Substitution
from models.catalog import Listing, Product
from models.geo_point import Point
from models.stock import Stock
from services.carts import totals
from services.carts.basket_problems import EmptyCart, ProductUnavailable, price_problems, shortages
from services.core.problems import InvalidInput, Problem, Refused, not_found
from services.core.text import line
from services.stores import coverage

LINES = 100
UNITS_A_LINE = 99
CANDIDATE_STORES = 5
NOTE_LENGTH = 300

CARTS = kept(
    select(Cart.company_id, CartLine.product_id, CartLine.quantity, CartLine.substitution)
    .join(CartLine, CartLine.cart_id == Cart.id)
    .where(Cart.person_id == bindparam("person"))
    .order_by(CartLine.added_at, CartLine.product_id)
)
_COUNTER = tuple_(Stock.store_id, Stock.product_id)
SHELVES = kept(
    select(
        Listing.store_id,
        Listing.product_id,
        Product.name,
        Listing.price_minor,
        Listing.available & Product.active,
        Stock.on_hand - Stock.held,
        Listing.unit_grams,
        Listing.kilo_price_minor,
    )
    .join(Product, Product.id == Listing.product_id)
    .outerjoin(Stock, tuple_(Listing.store_id, Listing.product_id) == _COUNTER)
    .where(
        Listing.store_id == any_(bindparam("stores", type_=ARRAY(Uuid))),
        Listing.product_id == any_(bindparam("products", type_=ARRAY(Uuid))),
    )
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A product, how many of it, and what may replace it."""

    product_id: UUID
    quantity: int
    substitution: Substitution = Substitution.REFUND


Carts = Mapping[UUID, tuple[Wanted, ...]]
"""What a person has in the cart of each company."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a client asks for: to an address or a point, from explicit lines or from the cart."""

    address_id: UUID | None = None
    point: Point | None = None
    company_id: UUID | None = None
    lines: tuple[Wanted, ...] | None = None
    address_line: str = ""
    drop_note: str = ""
    tip_minor: int = 0
    expected_total_minor: int | None = None


@dataclass(frozen=True, slots=True)
class Door:
    """Where the order goes, and to whom."""

    customer_id: UUID
    customer_name: str
    point: Point
    address_line: str
    drop_note: str


@dataclass(frozen=True, slots=True)
class Plan:
    """The wish as one store could fulfill it, or every reason why it can't."""

    serving: coverage.Serving
    wanted: tuple[Wanted, ...]
    names: Mapping[UUID, str]
    quote: totals.Quote
    problems: tuple[Problem, ...]

    @property
    def units(self) -> dict[UUID, int]:
        return {one.product_id: one.quantity for one in self.wanted}

    @property
    def places(self) -> dict[UUID, int]:
        """The number of each product's line."""
        return {one.product_id: index for index, one in enumerate(self.wanted)}


@dataclass(frozen=True, slots=True)
class Shelved:
    """A product as a store offers it at this moment."""

    name: str
    price_minor: int
    sold: bool
    available: int
    unit_grams: int | None = None
    kilo_price_minor: int | None = None


def checked(wish: Wish) -> Wish:
    """The wish, refused with every value that no shop could fulfill."""
    reasons: list[Problem] = []
    if (wish.address_id is None) == (wish.point is None):
        message = "Say where to: by an address or by a point, not both."
        reasons.append(InvalidInput(path=["input"], message=message))
    if not 0 <= wish.tip_minor <= totals.TIP_MOST_MINOR:
        message = f"A tip is from 0 to {totals.TIP_MOST_MINOR} minor units."
        reasons.append(InvalidInput(path=["input", "tipMinor"], message=message))
    reasons += _line_problems(wish.lines or ())
    if reasons:
        raise Refused(*reasons)
    return wish


def _line_problems(lines: Sequence[Wanted]) -> list[Problem]:
    path = ["input", "lines"]
    if len(lines) > LINES:
        return [InvalidInput(path=path, message=f"An order has at most {LINES} lines.")]
    found: list[Problem] = []
    seen: set[UUID] = set()
    for index, one in enumerate(lines):
        if not 1 <= one.quantity <= UNITS_A_LINE:
            message = f"A quantity is from 1 to {UNITS_A_LINE}."
            found.append(InvalidInput(path=[*path, str(index), "quantity"], message=message))
        if one.product_id in seen:
            message = "This product is in the list twice."
            found.append(InvalidInput(path=[*path, str(index), "productId"], message=message))
        seen.add(one.product_id)
    return found


async def door(session: AsyncSession, customer_id: UUID, wish: Wish) -> Door:
    """Where the wish goes: the customer's own address, or the point and the words beside it."""
    person = await session.get(Person, customer_id)
    if person is None:
        raise not_found(Person)
    address_line = line(wish.address_line, "input", "addressLine", most=NOTE_LENGTH)
    note = line(wish.drop_note, "input", "dropNote", most=NOTE_LENGTH)
    if wish.point is not None:
        return Door(customer_id, person.name, wish.point, address_line, note)
    address = await session.get(Address, wish.address_id)
    if address is None or address.person_id != customer_id or address.removed_at is not None:
        raise not_found(Address, "addressId")
    gate = f"Gate code {address.gate_code}" if address.gate_code else ""
    notes = ". ".join(part for part in (gate, address.drop_note, note) if part)
    point = Point(address.latitude, address.longitude)
    return Door(customer_id, person.name, point, address_line or address.line, notes)


async def carts(session: AsyncSession, person_id: UUID) -> Carts:
    """The lines of a person's carts by company."""
    rows = await session.execute(CARTS, {"person": person_id})
    found: dict[UUID, list[Wanted]] = {}
    for company_id, product_id, quantity, substitution in rows:
        found.setdefault(company_id, []).append(Wanted(product_id, quantity, substitution))
    return {company_id: tuple(lines) for company_id, lines in found.items()}


async def plans(
    session: AsyncSession,
    wish: Wish,
    covered: coverage.Coverage,
    cart: Carts,
) -> list[Plan]:
    """The wish priced in the nearest stores that could bring it; refused when nobody serves there.

    The company is the one asked for, or else that of the nearest store.
    """
    if not covered.serving:
        raise covered.refused("input", "at" if wish.address_id is None else "addressId")
    company_id = covered.serving[0].company.id
    wanted = cart.get(company_id, ()) if wish.lines is None else wish.lines
    if not wanted:
        raise Refused(EmptyCart(path=["input"], message="There is nothing to order."))
    near = [one for one in covered.serving if one.company.id == company_id][:CANDIDATE_STORES]
    shelves = await _shelves(session, near, wanted)
    return [_plan(wish, one, wanted, shelves.get(one.store.id, {})) for one in near]


async def _shelves(
    session: AsyncSession, near: Sequence[coverage.Serving], wanted: Sequence[Wanted]
) -> dict[UUID, dict[UUID, Shelved]]:
    rows = await session.execute(
        SHELVES,
        {
            "stores": [one.store.id for one in near],
            "products": [one.product_id for one in wanted],
        },
    )
    shelves: dict[UUID, dict[UUID, Shelved]] = {}
    for store_id, product_id, name, minor, sold, available, *by_weight in rows:
        shelf = shelves.setdefault(store_id, {})
        shelf[product_id] = Shelved(name, minor, sold, available or 0, *by_weight)
    return shelves


def _plan(
    wish: Wish, one: coverage.Serving, wanted: tuple[Wanted, ...], shelf: Mapping[UUID, Shelved]
) -> Plan:
    sold = [each for each in wanted if each.product_id in shelf and shelf[each.product_id].sold]
    lines = [_priced(each, shelf[each.product_id]) for each in sold]
    quote = totals.quote(lines, one.company, wish.tip_minor)
    problems: list[Problem] = [
        ProductUnavailable(
            path=["input", "lines", str(index)],
            message="This store doesn't sell that product now.",
            product_id=each.product_id,
        )
        for index, each in enumerate(wanted)
        if each not in sold
    ]
    available = {each.product_id: shelf[each.product_id].available for each in sold}
    units = {each.product_id: each.quantity for each in sold}
    places = {each.product_id: index for index, each in enumerate(wanted)}
    short = [(key, left) for key, left in available.items() if left < units[key]]
    problems += shortages(places, short)
    if not problems:
        problems += price_problems(quote, wish.expected_total_minor)
    names = {key: row.name for key, row in shelf.items()}
    return Plan(one, wanted, names, quote, tuple(problems))


def _priced(wanted: Wanted, there: Shelved) -> totals.PricedLine:
    by_weight = there.unit_grams, there.kilo_price_minor
    return totals.PricedLine(wanted.product_id, wanted.quantity, there.price_minor, *by_weight)
