"""A person's address book. A place that nobody serves yet may be kept all the same."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.accounts import Address
from models.geo_point import Point
from services.core.problems import Problem, Refused, not_found
from services.core.text import line

ADDRESSES = 50
LABEL_LENGTH = 60
GATE_CODE_LENGTH = 40
DROP_NOTE_LENGTH = 280


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressLimit(Problem):
    """The address book is full."""

    most: int


@dataclass(frozen=True, slots=True)
class AddressFacts:
    """What a person says about a place."""

    label: str
    line: str
    point: Point
    gate_code: str = ""
    drop_note: str = ""


async def address(session: AsyncSession, person_id: UUID, address_id: UUID) -> Address:
    """One address of this person; refused as not found when it is another's or was removed."""
    found = await session.get(Address, address_id)
    if found is None or found.person_id != person_id or found.removed_at is not None:
        raise not_found(Address, "addressId")
    return found


async def save(
    session: AsyncSession, *, person_id: UUID, facts: AddressFacts, address_id: UUID | None = None
) -> Address:
    """Write a new address, or over one of this person's; refused for text that doesn't fit."""
    row = await _row(session, person_id, address_id)
    row.label = line(facts.label, "input", "label", most=LABEL_LENGTH, least=1)
    row.line = line(facts.line, "input", "line", least=1)
    row.gate_code = line(facts.gate_code, "input", "gateCode", most=GATE_CODE_LENGTH)
    row.drop_note = line(facts.drop_note, "input", "dropNote", most=DROP_NOTE_LENGTH)
    row.latitude = facts.point.latitude
    row.longitude = facts.point.longitude
    session.add(row)
    await session.flush()
    return row


async def remove(session: AsyncSession, *, person_id: UUID, address_id: UUID) -> Address:
    """Take an address out of the book; the row stays for the orders that went there."""
    row = await address(session, person_id, address_id)
    row.removed_at = await session.scalar(select(func.clock_timestamp()))
    await session.flush()
    return row


async def _row(session: AsyncSession, person_id: UUID, address_id: UUID | None) -> Address:
    if address_id is not None:
        return await address(session, person_id, address_id)
    kept = await session.scalar(
        select(func.count())
        .select_from(Address)
        .where(Address.person_id == person_id, Address.removed_at.is_(None))
    )
    if (kept or 0) >= ADDRESSES:
        said = f"An address book holds at most {ADDRESSES} addresses."
        raise Refused(AddressLimit(path=["input"], message=said, most=ADDRESSES))
    return Address(person_id=person_id)
