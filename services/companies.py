"""Companies: the sellers of the platform."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from babel.numbers import is_currency
from sqlalchemy import bindparam, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from database.base import uuid7
from database.statements import prepared
from models.companies import Company
from models.identity import Actor, Role
from models.stores import Store
from models.timers import CompanyTimers, changed_timers, timers_with
from services.core.problems import DomainError, InvalidInput, Problem, not_found, range_problem
from services.core.state_machine import column_values
from services.core.text import code_form, parse_line
from services.events.event_log import catalog_stream, record_event
from services.stores.timer_rules import camel_case, company_timer_problems

SLUG_PATTERN = re.compile(r"^[a-z0-9]+(-[a-z0-9]+)*$")
MAX_SLUG_CHARS = 60
MAX_NAME_CHARS = 100
MAX_FEE_MINOR = 10**9
MAX_TAX_BASIS_POINTS = 10_000
MAX_AUTHORIZATION_BUFFER_BASIS_POINTS = 5_000
COMPANY_ADMIN_ROLES = frozenset({Role.COMPANY_ADMIN, Role.SUPER_ADMIN})
UPPER_BOUNDS = {
    "cancellation_fee_minor": MAX_FEE_MINOR,
    "authorization_buffer_basis_points": MAX_AUTHORIZATION_BUFFER_BASIS_POINTS,
}
"""The largest values that `update_company` sets; the smallest is 0."""
TIMERS = prepared(
    select(Company.timer_overrides, Store.timer_overrides)
    .join(Store, Store.company_id == Company.id)
    .where(Store.id == bindparam("store"))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SlugTaken(Problem):
    """Another company has this slug."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanyTerms:
    """The fees and thresholds of a company in minor units of its currency, and its tax rate."""

    minimum_order_minor: int = 0
    small_order_fee_minor: int = 0
    small_order_threshold_minor: int = 0
    delivery_fee_minor: int = 0
    free_delivery_threshold_minor: int | None = None
    tax_rate_basis_points: int = 0


async def create_company(
    session: AsyncSession, *, actor: Actor, name: str, slug: str, currency: str, terms: CompanyTerms
) -> Company:
    """Create a company; for super admins. Raises DomainError: NotFound, InvalidInput, SlugTaken."""
    if Role.SUPER_ADMIN not in actor.roles:
        raise not_found(Company)
    slug, currency = code_form(slug), code_form(currency)
    problems = [*_name_problems(slug, currency), *_terms_problems(terms)]
    if problems:
        raise DomainError(*problems)
    key = uuid7()
    values = {f: getattr(terms, f) for f in CompanyTerms.__dataclass_fields__}
    created = await session.execute(
        insert(Company)
        .values(
            id=key,
            name=parse_line(name, "input", "name", max_length=MAX_NAME_CHARS, min_length=1),
            slug=slug,
            currency=currency,
            **values,
        )
        .on_conflict_do_nothing(index_elements=["slug"])
        .returning(Company.id)
    )
    if created.scalar_one_or_none() is None:
        raise DomainError(SlugTaken(path=["input", "slug"], message="That short name is taken."))
    return (await session.scalars(select(Company).where(Company.id == key))).one()


@dataclass(frozen=True, slots=True)
class CompanyChange:
    """New values for a company; None keeps the present one, a timer of None gets its default."""

    cancellation_fee_minor: int | None = None
    authorization_buffer_basis_points: int | None = None
    """What is authorized beyond the estimate of goods sold by weight, in basis points of it."""
    timers: Mapping[str, int | None] = field(default_factory=dict)


async def update_company(
    session: AsyncSession, *, actor: Actor, company_id: UUID, change: CompanyChange
) -> Company:
    """Set the fee for cancellations, the authorization buffer, and timers; for company admins.

    New timers hold for what begins from now on, and orders already placed keep their authorization
    buffer. Raises DomainError: NotFound, InvalidInput.
    """
    row = await session.get(
        Company, company_id, with_for_update={"key_share": True}, populate_existing=True
    )
    if row is None or not actor.has_company_role(company_id, COMPANY_ADMIN_ROLES):
        raise not_found(Company, "companyId")
    overrides = changed_timers(row.timer_overrides, change.timers)
    problems = await company_timer_problems(session, row.id, overrides, change.timers)
    if problems := [*_range_problems(change), *problems]:
        raise DomainError(*problems)
    before = column_values(row)
    terms = {name: value for name in UPPER_BOUNDS if (value := getattr(change, name)) is not None}
    for name, value in terms.items():
        setattr(row, name, value)
    row.timer_overrides = overrides
    if column_values(row) == before:
        return row
    await session.flush()
    body: dict[str, object] = {**change.timers, **terms}
    record_event(session, catalog_stream(row.id), "COMPANY_UPDATED", body, company_id=row.id)
    return row


async def read_timers(session: AsyncSession, store_id: UUID) -> CompanyTimers:
    """How long the steps of an order may take in a store: its own timers, then its company's."""
    with session.no_autoflush:  # no step of an order changes what is read
        overrides = (await session.execute(TIMERS, {"store": store_id})).one()
    return timers_with(*overrides)


def _range_problems(change: CompanyChange) -> Iterator[InvalidInput]:
    for name, upper_bound in UPPER_BOUNDS.items():
        value = getattr(change, name)
        if value is not None and not 0 <= value <= upper_bound:
            yield range_problem(["input", camel_case(name)], 0, upper_bound)


def _name_problems(slug: str, currency: str) -> Iterator[InvalidInput]:
    if len(slug) > MAX_SLUG_CHARS or not SLUG_PATTERN.match(slug):
        message = f"A short name is up to {MAX_SLUG_CHARS} of a-z, 0-9, and single hyphens between."
        yield InvalidInput(path=["input", "slug"], message=message)
    if not is_currency(currency):
        message = "A currency is an ISO 4217 code, such as EUR."
        yield InvalidInput(path=["input", "currency"], message=message)


def _terms_problems(terms: CompanyTerms) -> Iterator[InvalidInput]:
    for name in CompanyTerms.__dataclass_fields__:
        value, limit = getattr(terms, name), MAX_FEE_MINOR
        if name == "tax_rate_basis_points":
            limit = MAX_TAX_BASIS_POINTS
        if value is not None and not 0 <= value <= limit:
            yield range_problem(["input", camel_case(name)], 0, limit)
