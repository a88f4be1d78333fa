"""A person's saved addresses, including those outside all delivery zones."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.accounts import Address
from models.geo_point import Point
from services.core.problems import DomainError, Problem, not_found
from services.core.text import parse_line

MAX_ADDRESSES = 50
MAX_LABEL_LENGTH = 60
MAX_GATE_CODE_LENGTH = 40
MAX_DROP_NOTE_LENGTH = 280


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressLimit(Problem):
    """The person has the maximum number of addresses."""

    limit: int


@dataclass(frozen=True, slots=True)
class AddressDetails:
    """The properties of an address."""

    label: str
    line: str
    point: Point
    gate_code: str = ""
    delivery_instructions: str = ""


async def get_address(session: AsyncSession, person_id: UUID, address_id: UUID) -> Address:
    """Return an address of the person. Raises DomainError: NotFound, also for a removed one."""
    address = await session.get(Address, address_id)
    if address is None or address.person_id != person_id or address.removed_at is not None:
        raise not_found(Address, "addressId")
    return address


async def save_address(
    session: AsyncSession,
    *,
    person_id: UUID,
    details: AddressDetails,
    address_id: UUID | None = None,
) -> Address:
    """Create an address, or replace one of the person's addresses.

    Raises DomainError: NotFound, InvalidInput, AddressLimit.
    """
    row = await _existing_or_new(session, person_id, address_id)
    row.label = parse_line(
        details.label, "input", "label", max_length=MAX_LABEL_LENGTH, min_length=1
    )
    row.address_line = parse_line(details.line, "input", "addressLine", min_length=1)
    row.gate_code = parse_line(
        details.gate_code, "input", "gateCode", max_length=MAX_GATE_CODE_LENGTH
    )
    row.delivery_instructions = parse_line(
        details.delivery_instructions,
        "input",
        "deliveryInstructions",
        max_length=MAX_DROP_NOTE_LENGTH,
    )
    row.latitude = details.point.latitude
    row.longitude = details.point.longitude
    session.add(row)
    await session.flush()
    return row


async def remove_address(session: AsyncSession, *, person_id: UUID, address_id: UUID) -> Address:
    """Mark an address as removed; the row is kept for earlier orders."""
    row = await get_address(session, person_id, address_id)
    row.removed_at = await session.scalar(select(func.clock_timestamp()))
    await session.flush()
    return row


async def _existing_or_new(
    session: AsyncSession, person_id: UUID, address_id: UUID | None
) -> Address:
    if address_id is not None:
        return await get_address(session, person_id, address_id)
    count = await session.scalar(
        select(func.count())
        .select_from(Address)
        .where(Address.person_id == person_id, Address.removed_at.is_(None))
    )
    if (count or 0) >= MAX_ADDRESSES:
        message = f"An address book holds at most {MAX_ADDRESSES} addresses."
        raise DomainError(AddressLimit(path=["input"], message=message, limit=MAX_ADDRESSES))
    return Address(person_id=person_id)
