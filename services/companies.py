"""Companies: the sellers of the platform."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from babel.numbers import is_currency
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from database.base import uuid7
from models.companies import Company
from models.identity import Actor, Role
from services.core.problems import InvalidInput, Problem, Refused, not_found
from services.core.text import line

SLUG = re.compile(r"^[a-z0-9]+(-[a-z0-9]+)*$")
SLUG_MAX_CHARS = 60
NAME_MAX_CHARS = 100
FEE_MOST_MINOR = 10**9
TAX_MOST_BP = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SlugTaken(Problem):
    """Another company has this short name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a company asks of every order, in minor units of its currency."""

    minimum_order_minor: int = 0
    small_order_fee_minor: int = 0
    small_order_below_minor: int = 0
    delivery_fee_minor: int = 0
    free_delivery_from_minor: int | None = None
    tax_rate_bp: int = 0


async def create(
    session: AsyncSession, *, actor: Actor, name: str, slug: str, currency: str, terms: Terms
) -> Company:
    """Open a company, by a super admin; refused with every reason against its particulars."""
    if Role.SUPER_ADMIN not in actor.roles:
        raise not_found(Company)
    reasons = [*_against(slug, currency), *_against_terms(terms)]
    if reasons:
        raise Refused(*reasons)
    key = uuid7()
    values = {f: getattr(terms, f) for f in Terms.__dataclass_fields__}
    made = await session.execute(
        insert(Company)
        .values(
            id=key,
            name=line(name, "input", "name", most=NAME_MAX_CHARS, least=1),
            slug=slug,
            currency=currency,
            **values,
        )
        .on_conflict_do_nothing(index_elements=["slug"])
        .returning(Company.id)
    )
    if made.scalar_one_or_none() is None:
        raise Refused(SlugTaken(path=["input", "slug"], message="That short name is taken."))
    return (await session.scalars(select(Company).where(Company.id == key))).one()


def _against(slug: str, currency: str) -> Iterator[InvalidInput]:
    if len(slug) > SLUG_MAX_CHARS or not SLUG.match(slug):
        message = f"A short name is up to {SLUG_MAX_CHARS} of a-z, 0-9, and single hyphens between."
        yield InvalidInput(path=["input", "slug"], message=message)
    if not is_currency(currency):
        message = "A currency is an ISO 4217 code, such as EUR."
        yield InvalidInput(path=["input", "currency"], message=message)


def _against_terms(terms: Terms) -> Iterator[InvalidInput]:
    for name in Terms.__dataclass_fields__:
        value, most = getattr(terms, name), FEE_MOST_MINOR
        if name == "tax_rate_bp":
            most = TAX_MOST_BP
        if value is not None and not 0 <= value <= most:
            first, *rest = name.split("_")
            path = ["input", first + "".join(word.title() for word in rest)]
            yield InvalidInput(path=path, message=f"This is from 0 to {most}.")
