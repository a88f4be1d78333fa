"""Suppliers of a company and their terms of delivery."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from models.companies import Company
from models.identity import Actor
from models.purchasing import Supplier
from services.catalog.search_text import MAX_QUERY_LENGTH, names_match
from services.core.access import MANAGER_ROLES
from services.core.contacts.email_addresses import EmailDomains, parse_email
from services.core.pages import Page, build_page, check_page_size, decode_cursor
from services.core.problems import DomainError, InvalidInput, Problem, not_found, range_problem
from services.core.state_machine import column_values, raise_version, version_conflict
from services.core.text import code_form, parse_line
from services.stores.regions import parse_local_phone

CODE = re.compile(r"[A-Z0-9][A-Z0-9_-]{0,19}")
MAX_NAME_LENGTH = 100
MAX_LEAD_DAYS = 365
MAX_REVIEW_DAYS = 90
MAX_MINIMUM_ORDER_MINOR = 10**12
MAX_OVER_TOLERANCE_PERCENT = 100
NUMBER_LIMITS = {
    "lead_time_days": (0, MAX_LEAD_DAYS),
    "review_period_days": (1, MAX_REVIEW_DAYS),
    "minimum_order_minor": (0, MAX_MINIMUM_ORDER_MINOR),
    "over_tolerance_percent": (0, MAX_OVER_TOLERANCE_PERCENT),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SupplierCodeTaken(Problem):
    """Another supplier of the company has this code."""

    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SupplierArchived(Problem):
    """The supplier is archived: nothing more is ordered from it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SupplierDetails:
    """Everything a manager sets about a supplier; minor units of the company's currency."""

    code: str
    name: str
    email: str = ""
    phone: str = ""
    lead_time_days: int = 1
    review_period_days: int = 1
    minimum_order_minor: int = 0
    over_tolerance_percent: int = 0


def may_manage_suppliers(actor: Actor, company_id: UUID) -> bool:
    """Whether the actor administers the company or manages one of its stores."""
    return any(
        grant.role in MANAGER_ROLES and grant.company_id in (None, company_id)
        for grant in actor.grants
    )


async def create(
    session: AsyncSession,
    *,
    actor: Actor,
    company_id: UUID,
    details: SupplierDetails,
    email_domains: EmailDomains = EmailDomains.ANY,
) -> Supplier:
    """Add a supplier to a company; the company's managers may.

    Raises DomainError: NotFound, InvalidInput for each wrong value, SupplierCodeTaken.
    """
    if not may_manage_suppliers(actor, company_id):
        raise not_found(Company, "companyId")
    values = await _validated(session, company_id, details, email_domains)
    company = await session.get_one(Company, company_id)
    supplier = Supplier(company_id=company_id, currency=company.currency, **values)
    await _store(session, supplier)
    return supplier


async def update(
    session: AsyncSession,
    *,
    actor: Actor,
    supplier_id: UUID,
    changes: Mapping[str, str | int],
    expected_version: int,
    email_domains: EmailDomains = EmailDomains.ANY,
) -> Supplier:
    """Change the given details of a supplier; without a difference it keeps its version.

    `changes` has fields of SupplierDetails. Raises DomainError: NotFound, InvalidInput for each
    wrong value, SupplierCodeTaken, VersionConflict.
    """
    supplier = await lock_supplier(session, actor, supplier_id)
    require_version(supplier, expected_version)
    before = column_values(supplier)
    names = SupplierDetails.__dataclass_fields__
    details = SupplierDetails(**{name: getattr(supplier, name) for name in names} | dict(changes))
    values = await _validated(session, supplier.company_id, details, email_domains)
    for name, value in values.items():
        setattr(supplier, name, value)
    raise_version(supplier, before)
    await _store(session, supplier)
    return supplier


async def _store(session: AsyncSession, supplier: Supplier) -> None:
    code = supplier.code
    try:
        async with session.begin_nested():
            session.add(supplier)
    except IntegrityError:
        message = "Another supplier of the company has this code."
        problem = SupplierCodeTaken(path=["input", "code"], message=message, code=code)
        raise DomainError(problem) from None


async def _validated(
    session: AsyncSession, company_id: UUID, details: SupplierDetails, email_domains: EmailDomains
) -> dict[str, str | int]:
    """The column values. Raises DomainError: InvalidInput for each wrong value."""
    problems: list[Problem] = []
    code = code_form(details.code).upper()
    if not CODE.fullmatch(code):
        message = "A code is 1 to 20 letters, digits, hyphens and underscores."
        problems.append(InvalidInput(path=["input", "code"], message=message))
    for name, (minimum, maximum) in NUMBER_LIMITS.items():
        if not minimum <= getattr(details, name) <= maximum:
            problems.append(range_problem(["input", _camel_case(name)], minimum, maximum))
    texts: dict[str, str] = {}
    for name, parse in (("name", _parse_name), ("email", partial(_parse_email, email_domains))):
        try:
            texts[name] = parse(getattr(details, name))
        except DomainError as error:
            problems += error.problems
    try:
        texts["phone"] = await _parse_phone(session, company_id, details.phone)
    except DomainError as error:
        problems += error.problems
    if problems:
        raise DomainError(*problems)
    return {"code": code, **texts, **{name: getattr(details, name) for name in NUMBER_LIMITS}}


def _parse_name(text: str) -> str:
    return parse_line(text, "input", "name", max_length=MAX_NAME_LENGTH, min_length=1)


def _parse_email(domains: EmailDomains, text: str) -> str:
    return parse_email(text, "input", "email", domains=domains) if text.strip() else ""


async def _parse_phone(session: AsyncSession, company_id: UUID, text: str) -> str:
    if not text.strip():
        return ""
    return await parse_local_phone(
        session, text, "input", "phone", company_id=company_id, for_texts=False
    )


def _camel_case(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.title() for word in rest)


async def archive(
    session: AsyncSession, *, actor: Actor, supplier_id: UUID, expected_version: int
) -> Supplier:
    """Stop ordering from a supplier; approved orders are still received.

    Raises DomainError: NotFound, VersionConflict.
    """
    supplier = await lock_supplier(session, actor, supplier_id)
    return await _set_active(session, supplier, False, expected_version)


async def restore(
    session: AsyncSession, *, actor: Actor, supplier_id: UUID, expected_version: int
) -> Supplier:
    """Order from an archived supplier again. Raises DomainError: NotFound, VersionConflict."""
    supplier = await lock_supplier(session, actor, supplier_id)
    return await _set_active(session, supplier, True, expected_version)


async def _set_active(
    session: AsyncSession, supplier: Supplier, active: bool, expected_version: int
) -> Supplier:
    require_version(supplier, expected_version)
    if supplier.active is not active:
        supplier.active = active
        supplier.version += 1
        await session.flush()
    return supplier


async def lock_supplier(session: AsyncSession, actor: Actor, supplier_id: UUID) -> Supplier:
    """Lock a supplier and read it again, for its company's managers.

    Raises DomainError: NotFound.
    """
    supplier = await session.scalar(
        select(Supplier)
        .where(Supplier.id == supplier_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    if supplier is None or not may_manage_suppliers(actor, supplier.company_id):
        raise not_found(Supplier, "supplierId")
    return supplier


def require_version(supplier: Supplier, expected_version: int | None) -> None:
    """Raise DomainError: VersionConflict if the supplier or its products have changed."""
    if expected_version != supplier.version:
        message = "The supplier was changed by somebody else: read it again."
        raise version_conflict(
            "input", "expectedVersion", message=message, current=supplier.version
        )


async def visible_supplier(session: AsyncSession, *, actor: Actor, supplier_id: UUID) -> Supplier:
    """The supplier, for its company's managers. Raises DomainError: NotFound."""
    supplier = await session.get(Supplier, supplier_id)
    if supplier is None or not may_manage_suppliers(actor, supplier.company_id):
        raise not_found(Supplier, "id")
    return supplier


async def list_of_company(
    session: AsyncSession,
    *,
    actor: Actor,
    company_id: UUID,
    first: int,
    cursor: str | None,
    search: str = "",
    archived: bool = False,
) -> Page[Supplier]:
    """A page of a company's suppliers by code: the active ones, or the archived ones.

    `search` is words of a name, the last one may be cut, or a whole code.
    Raises DomainError: NotFound, InvalidInput.
    """
    check_page_size(first)
    if not may_manage_suppliers(actor, company_id):
        raise not_found(Company, "companyId")
    query = select(Supplier).where(
        Supplier.company_id == company_id, Supplier.active.is_(not archived)
    )
    if (start := decode_cursor(cursor, Supplier.code)) is not None:
        query = query.where(Supplier.code > start[0])
    if text := parse_line(search, "search", max_length=MAX_QUERY_LENGTH):
        in_name = names_match(Supplier.search, text)
        query = query.where(or_(in_name, Supplier.code == code_form(text).upper()))
    suppliers = (await session.scalars(query.order_by(Supplier.code).limit(first + 1))).all()
    return build_page(suppliers, first, cursor, lambda supplier: (supplier.code,))
