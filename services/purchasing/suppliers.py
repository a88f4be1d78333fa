"""Suppliers of a company: who they are, on which terms they deliver, and what of."""

import re
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from models.companies import Company
from models.identity import Actor
from models.purchasing import Supplier
from services.core.access import MANAGER_ROLES
from services.core.pages import Page, after, bounded, page
from services.core.problems import InvalidInput, Problem, Refused, VersionConflict, not_found
from services.core.text import line, mail_address
from services.identity.one_time_codes import phone_number

CODE = re.compile(r"[A-Z0-9][A-Z0-9_-]{0,19}")
NAME_LENGTH = 100
SEARCH_LENGTH = 100
LEAD_MOST_DAYS = 365
REVIEW_MOST_DAYS = 90
MINIMUM_MOST_MINOR = 10**12
TOLERANCE_MOST_PERCENT = 100
BOUNDS = {
    "lead_days": (0, LEAD_MOST_DAYS),
    "review_days": (1, REVIEW_MOST_DAYS),
    "minimum_order_minor": (0, MINIMUM_MOST_MINOR),
    "over_tolerance_percent": (0, TOLERANCE_MOST_PERCENT),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SupplierCodeTaken(Problem):
    """Another supplier of the company has this code."""

    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SupplierArchived(Problem):
    """Nothing more is ordered from this supplier."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SupplierFacts:
    """What is said about a supplier; minor units are of the company's currency."""

    code: str
    name: str
    email: str = ""
    phone: str = ""
    lead_days: int = 1
    review_days: int = 1
    minimum_order_minor: int = 0
    over_tolerance_percent: int = 0


def manages(actor: Actor, company_id: UUID) -> bool:
    """Whether this person runs the company, or manages one of its stores."""
    return any(
        grant.role in MANAGER_ROLES and grant.company_id in (None, company_id)
        for grant in actor.grants
    )


async def save(
    session: AsyncSession,
    *,
    actor: Actor,
    company_id: UUID,
    facts: SupplierFacts,
    supplier_id: UUID | None = None,
    expected_version: int | None = None,
) -> Supplier:
    """Add a supplier to a company, or change one; the company's managers may.

    Refused: NotFound, InvalidInput for each wrong fact, SupplierCodeTaken, VersionConflict.
    """
    if not manages(actor, company_id):
        raise not_found(Company, "companyId")
    values = _checked(facts)
    if supplier_id is None:
        company = await session.get_one(Company, company_id)
        row = Supplier(company_id=company_id, currency=company.currency, **values)
    else:
        row = await locked(session, actor, supplier_id)
        if row.company_id != company_id:
            raise not_found(Supplier, "supplierId")
        unchanged(row, expected_version)
        for name, value in values.items():
            setattr(row, name, value)
        row.version += 1
    await _store(session, row)
    return row


async def _store(session: AsyncSession, row: Supplier) -> None:
    code = row.code
    try:
        async with session.begin_nested():
            session.add(row)
    except IntegrityError:
        message = "Another supplier of the company has this code."
        taken = SupplierCodeTaken(path=["input", "code"], message=message, code=code)
        raise Refused(taken) from None


def _checked(facts: SupplierFacts) -> dict[str, str | int]:
    """The facts as they are stored; refused with every reason at once."""
    reasons: list[Problem] = []
    code = facts.code.strip().upper()
    if not CODE.fullmatch(code):
        message = "A code is 1 to 20 letters, digits, hyphens and underscores."
        reasons.append(InvalidInput(path=["input", "code"], message=message))
    for name, (least, most) in BOUNDS.items():
        if not least <= getattr(facts, name) <= most:
            message = f"This is from {least} to {most}."
            reasons.append(InvalidInput(path=["input", _camel(name)], message=message))
    texts: dict[str, str] = {}
    for name, read in (("name", _name), ("email", _email), ("phone", _phone)):
        try:
            texts[name] = read(getattr(facts, name))
        except Refused as refused:
            reasons += refused.reasons
    if reasons:
        raise Refused(*reasons)
    return {"code": code, **texts, **{name: getattr(facts, name) for name in BOUNDS}}


def _name(text: str) -> str:
    return line(text, "input", "name", most=NAME_LENGTH, least=1)


def _email(text: str) -> str:
    return mail_address(text, "input", "email") if text.strip() else ""


def _phone(text: str) -> str:
    return phone_number(text, "phone") if text.strip() else ""


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.title() for word in rest)


async def archive(
    session: AsyncSession,
    *,
    actor: Actor,
    supplier_id: UUID,
    archived: bool,
    expected_version: int,
) -> Supplier:
    """Order nothing more from a supplier, or take it up again; what is on its way still comes.

    Refused: NotFound, VersionConflict.
    """
    row = await locked(session, actor, supplier_id)
    unchanged(row, expected_version)
    if row.active is archived:
        row.active = not archived
        row.version += 1
        await session.flush()
    return row


async def locked(session: AsyncSession, actor: Actor, supplier_id: UUID) -> Supplier:
    """The supplier, locked and as it is now; not found for all but its company's managers."""
    row = await session.scalar(
        select(Supplier)
        .where(Supplier.id == supplier_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    if row is None or not manages(actor, row.company_id):
        raise not_found(Supplier, "supplierId")
    return row


def unchanged(row: Supplier, expected_version: int | None) -> None:
    """Refused when somebody changed the supplier, or what it sells, since that version."""
    if expected_version != row.version:
        message = "The supplier was changed by somebody else: read it again."
        path = ["input", "expectedVersion"]
        raise Refused(VersionConflict(path=path, message=message, current=row.version))


async def visible(session: AsyncSession, *, actor: Actor, supplier_id: UUID) -> Supplier:
    """One supplier, for the managers of its company; refused as not found for all others."""
    row = await session.get(Supplier, supplier_id)
    if row is None or not manages(actor, row.company_id):
        raise not_found(Supplier, "id")
    return row


async def listed(
    session: AsyncSession,
    *,
    actor: Actor,
    company_id: UUID,
    first: int,
    cursor: str | None,
    search: str = "",
    archived: bool = False,
) -> Page[Supplier]:
    """A company's suppliers by code: those that deliver, or the archived ones.

    Refused: NotFound, InvalidInput.
    """
    bounded(first)
    if not manages(actor, company_id):
        raise not_found(Company, "companyId")
    rows = select(Supplier).where(
        Supplier.company_id == company_id, Supplier.active.is_(not archived)
    )
    if (start := after(cursor, str)) is not None:
        rows = rows.where(Supplier.code > start[0])
    if word := line(search, "search", most=SEARCH_LENGTH):
        named = Supplier.name.icontains(word, autoescape=True)
        rows = rows.where(or_(named, Supplier.code == word.upper()))
    found = (await session.scalars(rows.order_by(Supplier.code).limit(first + 1))).all()
    return page(found, first, lambda row: (row.code,))
