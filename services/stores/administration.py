"""Opening a store and running it: its name, its switch, its hours. Its zone is in `zone`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import time
from uuid import UUID

from sqlalchemy import delete, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from models.companies import Company
from models.geo_point import Point
from models.identity import Actor, Role
from models.stores import Store, StoreHours, StoreKind, StoreStatus
from services.core.problems import InvalidInput, Problem, Refused, VersionConflict, not_found
from services.core.text import line

MANAGER_ROLES = frozenset({Role.STORE_MANAGER, Role.COMPANY_ADMIN, Role.SUPER_ADMIN})
COMPANY_ROLES = frozenset({Role.COMPANY_ADMIN, Role.SUPER_ADMIN})
CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,29}")
NAME_LENGTH = 80
PREPARATION_MOST_SECONDS = 7200
INTERVALS = 28
KNOWN_ZONE = text("select exists (select from pg_timezone_names where name = :name)")


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeTaken(Problem):
    """Another store of the company has this code."""

    code: str


@dataclass(frozen=True, slots=True)
class Interval:
    """From when to when a store is open on a weekday (0 = Monday), past midnight if it must be."""

    weekday: int
    opens: time
    closes: time


@dataclass(frozen=True, slots=True)
class StoreFacts:
    """What is said about a new store."""

    company_id: UUID
    code: str
    name: str
    point: Point
    timezone: str
    preparation_seconds: int
    kind: StoreKind = StoreKind.DARK_STORE


@dataclass(frozen=True, slots=True)
class StoreChange:
    """What to change about a store; None leaves a thing as it is."""

    name: str | None = None
    status: StoreStatus | None = None
    timezone: str | None = None
    preparation_seconds: int | None = None


async def create(session: AsyncSession, *, actor: Actor, facts: StoreFacts) -> Store:
    """Add a store to a company, closed until its manager opens it; company admins may.

    Refused with CodeTaken, or InvalidInput for a time zone that does not exist.
    """
    if not actor.acts_for(facts.company_id, COMPANY_ROLES):
        raise not_found(Company, "companyId")
    if not CODE.fullmatch(facts.code):
        said = "A code is 1 to 30 letters, digits, hyphens and underscores."
        raise Refused(InvalidInput(path=["input", "code"], message=said))
    row = Store(
        company_id=facts.company_id,
        code=facts.code,
        name=line(facts.name, "input", "name", most=NAME_LENGTH, least=1),
        kind=facts.kind,
        status=StoreStatus.CLOSED,
        latitude=facts.point.latitude,
        longitude=facts.point.longitude,
        timezone=await _timezone(session, facts.timezone),
        preparation_seconds=_preparation(facts.preparation_seconds),
    )
    try:
        async with session.begin_nested():
            session.add(row)
    except IntegrityError:
        raise _taken(facts.code) from None
    return row


async def update(
    session: AsyncSession,
    *,
    actor: Actor,
    store_id: UUID,
    change: StoreChange,
    expected_version: int,
) -> Store:
    """Change a store's name, switch, time zone or preparation time; its manager may."""
    row = await managed(session, actor, store_id, expected_version)
    if change.name is not None:
        row.name = line(change.name, "input", "name", most=NAME_LENGTH, least=1)
    if change.status is not None:
        row.status = change.status
    if change.timezone is not None:
        row.timezone = await _timezone(session, change.timezone)
    if change.preparation_seconds is not None:
        row.preparation_seconds = _preparation(change.preparation_seconds)
    row.version += 1
    await session.flush()
    return row


async def set_hours(
    session: AsyncSession,
    *,
    actor: Actor,
    store_id: UUID,
    hours: Sequence[Interval],
    expected_version: int | None = None,
) -> Store:
    """Replace a store's opening hours; none at all means that it never opens. Its manager may."""
    if len(hours) > INTERVALS:
        said = f"A week has at most {INTERVALS} opening intervals."
        raise Refused(InvalidInput(path=["input", "hours"], message=said))
    if len({(one.weekday, one.opens) for one in hours}) < len(hours):
        said = "Two intervals of one day can't begin at the same time."
        raise Refused(InvalidInput(path=["input", "hours"], message=said))
    row = await managed(session, actor, store_id, expected_version)
    await session.execute(delete(StoreHours).where(StoreHours.store_id == store_id))
    session.add_all(
        StoreHours(
            store_id=store_id,
            company_id=row.company_id,
            weekday=one.weekday,
            opens=one.opens,
            closes=one.closes,
        )
        for one in hours
    )
    row.version += 1
    await session.flush()
    return row


async def managed(
    session: AsyncSession, actor: Actor, store_id: UUID, expected_version: int | None
) -> Store:
    """A store, locked, for one who manages it; not found for anybody else."""
    row = await session.get(Store, store_id, with_for_update=True, populate_existing=True)
    if row is None or not actor.works_at(row.company_id, store_id, MANAGER_ROLES):
        raise not_found(Store, "storeId")
    if expected_version is not None and expected_version != row.version:
        said = "The store was changed by somebody else: read it again."
        path = ["input", "expectedVersion"]
        raise Refused(VersionConflict(path=path, message=said, current=row.version))
    return row


async def hours(session: AsyncSession, store_ids: Sequence[UUID]) -> list[list[StoreHours]]:
    """Each store's opening intervals, from Monday morning on."""
    found: dict[UUID, list[StoreHours]] = {store_id: [] for store_id in store_ids}
    rows = await session.scalars(
        select(StoreHours)
        .where(StoreHours.store_id.in_(store_ids))
        .order_by(StoreHours.store_id, StoreHours.weekday, StoreHours.opens)
    )
    for row in rows:
        found[row.store_id].append(row)
    return [found[store_id] for store_id in store_ids]


async def _timezone(session: AsyncSession, name: str) -> str:
    """A time zone that the database knows, because it is the database that reads the clock."""
    clean = line(name, "input", "timezone", least=1)
    if not await session.scalar(KNOWN_ZONE, {"name": clean}):
        said = "A time zone is named as in Europe/Lisbon."
        raise Refused(InvalidInput(path=["input", "timezone"], message=said))
    return clean


def _preparation(seconds: int) -> int:
    if 0 <= seconds <= PREPARATION_MOST_SECONDS:
        return seconds
    said = f"Preparation takes from 0 to {PREPARATION_MOST_SECONDS} seconds."
    raise Refused(InvalidInput(path=["input", "preparationSeconds"], message=said))


def _taken(code: str) -> Refused:
    said = "Another store of the company has this code."
    return Refused(CodeTaken(path=["input", "code"], message=said, code=code))
