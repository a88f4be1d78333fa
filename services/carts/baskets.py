"""Order requests: their lines or the cart, and where they go."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.statements import prepared
from models.accounts import Address, User
from models.carts import Cart, CartLine, SubstitutionPreference
from models.geo_point import Point
from models.orders import FulfillmentMethod
from services.core.problems import DomainError, InvalidInput, not_found
from services.core.text import parse_line

MAX_LINES = 100
MAX_UNITS_PER_LINE = 99
MAX_NOTE_LENGTH = 300

CART_LINES_OF_PERSON = prepared(
    select(
        Cart.company_id,
        Cart.version,
        CartLine.product_id,
        CartLine.quantity,
        CartLine.substitution,
    )
    .join(CartLine, CartLine.cart_id == Cart.id)
    .where(Cart.person_id == bindparam("person"))
    .order_by(CartLine.added_at, CartLine.product_id)
)


@dataclass(frozen=True, slots=True)
class RequestedLine:
    """A product, its quantity and the substitution preference."""

    product_id: UUID
    quantity: int
    substitution: SubstitutionPreference = SubstitutionPreference.REFUND


@dataclass(frozen=True, slots=True)
class CartContents:
    """The lines of a cart, and the version of the cart that had them."""

    version: int
    lines: tuple[RequestedLine, ...]


CartsByCompany = Mapping[UUID, CartContents]
"""A person's carts that have lines, by company id."""


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
    delivery_instructions: str = ""
    tip_minor: int = 0
    age_confirmed: bool = False
    expected_total_minor: int | None = None
    expected_p90_seconds: int | None = None
    """The order is refused if its estimate is later."""


@dataclass(frozen=True, slots=True)
class DeliveryTarget:
    """The customer, and the location of a delivery or of the store to collect from."""

    customer_id: UUID
    customer_name: str
    point: Point
    address_line: str
    delivery_instructions: str
    guest: bool
    """Whether the customer has neither a phone nor an e-mail address."""
    method: FulfillmentMethod = FulfillmentMethod.DELIVERY


async def resolve_target(
    session: AsyncSession, customer_id: UUID, request: OrderRequest
) -> DeliveryTarget:
    """Return the delivery target: the customer's saved address, or the point in the request.

    A delivery to a point needs an address line. Raises DomainError: NotFound, InvalidInput.
    """
    collected = request.method is FulfillmentMethod.PICKUP
    required = not collected and request.point is not None
    address_line = parse_address_line(request.address_line, required=required)
    person = await session.get(User, customer_id)
    if person is None:
        raise not_found(User)
    note = parse_line(
        request.delivery_instructions, "input", "deliveryInstructions", max_length=MAX_NOTE_LENGTH
    )
    guest = not (person.phone or person.email)
    if request.point is not None:
        return DeliveryTarget(
            customer_id, person.name, request.point, address_line, note, guest, request.method
        )
    address = await session.get(Address, request.address_id)
    if address is None or address.person_id != customer_id or address.removed_at is not None:
        raise not_found(Address, "destination", "addressId")
    gate = f"Gate code {address.gate_code}" if address.gate_code else ""
    notes = ". ".join(part for part in (gate, address.delivery_instructions, note) if part)
    point = Point(address.latitude, address.longitude)
    line = address_line or address.address_line
    return DeliveryTarget(customer_id, person.name, point, line, notes, guest)


def parse_address_line(text: str, *, required: bool) -> str:
    """Return the street, house and floor of a delivery, which is empty only if not required.

    A point on a map is no door: a rider can't deliver to it. Raises DomainError: InvalidInput.
    """
    path = ["input", "addressLine"]
    line = parse_line(text, *path, max_length=MAX_NOTE_LENGTH)
    if required and not line:
        message = "A delivery to a place needs the street, house and floor."
        raise DomainError(InvalidInput(path=path, message=message))
    return line


async def load_carts(session: AsyncSession, person_id: UUID) -> CartsByCompany:
    """Load a person's carts that have lines, by company."""
    rows = await session.execute(CART_LINES_OF_PERSON, {"person": person_id})
    versions: dict[UUID, int] = {}
    lines_by_company: dict[UUID, list[RequestedLine]] = {}
    for company_id, version, product_id, quantity, substitution in rows:
        line = RequestedLine(product_id, quantity, substitution)
        versions[company_id] = version
        lines_by_company.setdefault(company_id, []).append(line)
    return {
        company_id: CartContents(versions[company_id], tuple(lines))
        for company_id, lines in lines_by_company.items()
    }
