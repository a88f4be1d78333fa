"""Creates stores and changes their settings; see `opening_hours` and `zones` for the others."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time
from typing import Any
from uuid import UUID
from zoneinfo import available_timezones

from sqlalchemy import bindparam, func, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from database.statements import prepared
from models.companies import Company
from models.geo_point import Point
from models.identity import Actor
from models.message_text import duration_text
from models.stores import Store, StoreKind, StoreStatus
from models.timers import changed_timers
from services.core.access import COMPANY_ROLES, may_manage_store
from services.core.clock import current_time
from services.core.problems import DomainError, InvalidInput, Problem, not_found
from services.core.state_machine import (
    AutomaticTransition,
    StateMachine,
    check_version,
    column_values,
    raise_version,
)
from services.core.text import MAX_LINE_LENGTH, code_form, parse_code, parse_line
from services.events.event_log import catalog_stream, record_event
from services.stores.store_time import MIDNIGHT, change_days
from services.stores.timer_rules import store_timer_problems

CODE_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,29}")
MAX_NAME_LENGTH = 80
MAX_PREPARATION_SECONDS = 7200
LATEST_DAY_START = time(12)
MIN_PICKUP_WAIT_SECONDS, MAX_PICKUP_WAIT_SECONDS = 600, 86_400
MACHINE: StateMachine[Store, Any, StoreStatus] = StateMachine(
    name="Store",
    model=Store,
    status=StoreStatus,
    initial={StoreStatus.CLOSED},
    automatic=(
        AutomaticTransition(
            "set by the store's managers",
            frozenset(StoreStatus),
            frozenset(StoreStatus),
            mutation="storeUpdate",
        ),
    ),
)
TOO_FAR = (
    "The next business day would last more than 48 hours, or be left out: change less at once, and"
    " the rest on a later day."
)
TIMEZONE_EXISTS = text("select exists (select from pg_timezone_names where name = :name)")


CODE_IN_USE = prepared(
    select(Store.id).where(
        Store.company_id == bindparam("company"), func.lower(Store.code) == bindparam("code")
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeTaken(Problem):
    """Another store of the company has this code."""

    code: str


@dataclass(frozen=True, slots=True)
class NewStore:
    """The properties of a new store."""

    company_id: UUID
    code: str
    name: str
    point: Point
    timezone: str
    preparation_seconds: int
    kind: StoreKind = StoreKind.DARK_STORE
    business_day_start: time = MIDNIGHT


@dataclass(frozen=True, slots=True)
class StoreChange:
    """New values for a store; None keeps the current one."""

    name: str | None = None
    status: StoreStatus | None = None
    timezone: str | None = None
    preparation_seconds: int | None = None
    pickup_enabled: bool | None = None
    pickup_wait_seconds: int | None = None
    timers: Mapping[str, int | None] = field(default_factory=dict)
    """Its own timers; None ends one, so that the one of its company holds again."""
    clears_timers: bool = False
    """Whether its own timers end first, so that those of its company hold again."""
    business_day_start: time | None = None


async def create_store(session: AsyncSession, *, actor: Actor, new_store: NewStore) -> Store:
    """Create a store with status CLOSED; for company admins.

    Raises DomainError: NotFound, CodeTaken, InvalidInput (also for an unknown time zone).
    """
    if not actor.has_company_role(new_store.company_id, COMPANY_ROLES):
        raise not_found(Company, "companyId")
    code = code_form(new_store.code)
    if not CODE_PATTERN.fullmatch(code):
        message = "A code is 1 to 30 letters, digits, hyphens and underscores."
        raise DomainError(InvalidInput(path=["input", "code"], message=message))
    # People read codes out: two that differ in capital letters alone are one for them.
    if await session.scalar(CODE_IN_USE, {"company": new_store.company_id, "code": code.lower()}):
        raise _code_taken(code)
    row = Store(
        company_id=new_store.company_id,
        code=code,
        name=parse_line(new_store.name, "input", "name", max_length=MAX_NAME_LENGTH, min_length=1),
        type=new_store.kind,
        status=StoreStatus.CLOSED,
        latitude=new_store.point.latitude,
        longitude=new_store.point.longitude,
        timezone=await _timezone(session, new_store.timezone),
        preparation_seconds=_validate_preparation(new_store.preparation_seconds),
        business_day_start=_validate_day_start(new_store.business_day_start),
    )
    try:
        async with session.begin_nested():
            session.add(row)
    except IntegrityError:
        raise _code_taken(code) from None
    return row


async def update_store(
    session: AsyncSession,
    *,
    actor: Actor,
    store_id: UUID,
    change: StoreChange,
    expected_version: int,
) -> Store:
    """Change the settings of a store; for its managers.

    New timers hold for what begins from now on; a new time zone or beginning of the business day
    from the next business day on, except that opening hours have a new time zone at once. A call
    that changes nothing keeps the version. Raises DomainError: NotFound, VersionConflict,
    InvalidInput.
    """
    row = await lock_managed_store(session, actor, store_id, expected_version)
    before = column_values(row)
    if change.name is not None:
        row.name = parse_line(
            change.name, "input", "name", max_length=MAX_NAME_LENGTH, min_length=1
        )
    if change.status is not None:
        MACHINE.set_status(row, change.status)
    await _change_days(session, row, change)
    if change.preparation_seconds is not None:
        row.preparation_seconds = _validate_preparation(change.preparation_seconds)
    if change.pickup_enabled is not None:
        row.pickup_enabled = change.pickup_enabled
    if change.pickup_wait_seconds is not None:
        row.pickup_wait_seconds = _validate_pickup_wait(change.pickup_wait_seconds)
    if change.timers or change.clears_timers:
        await _set_timers(session, row, change)
    raise_version(row, before)
    await session.flush()
    return row


async def _change_days(session: AsyncSession, row: Store, change: StoreChange) -> None:
    """Set the time zone and the beginning of business days; the current business day goes on.

    Raises DomainError: InvalidInput.
    """
    zone, start = row.timezone, row.business_day_start
    if change.timezone is not None:
        zone = await _timezone(session, change.timezone)
    if change.business_day_start is not None:
        start = _validate_day_start(change.business_day_start)
    if (zone, start) == (row.timezone, row.business_day_start):
        return
    if not change_days(row, zone, start, await current_time(session)):
        field = "timezone" if zone != row.timezone else "businessDayStart"
        raise DomainError(InvalidInput(path=["input", field], message=TOO_FAR))


async def _set_timers(session: AsyncSession, row: Store, change: StoreChange) -> None:
    """Raise DomainError: InvalidInput unless the timers are within the bounds of a company's."""
    own = {} if change.clears_timers else row.timer_overrides
    overrides = changed_timers(own, change.timers)
    if problems := await store_timer_problems(session, row, overrides, change.timers):
        raise DomainError(*problems)
    if overrides == row.timer_overrides:
        return
    row.timer_overrides = overrides
    body = {"store_id": row.id, **overrides}
    record_event(
        session, catalog_stream(row.company_id), "STORE_TIMERS_SET", body, company_id=row.company_id
    )


async def lock_managed_store(
    session: AsyncSession, actor: Actor, store_id: UUID, expected_version: int | None
) -> Store:
    """Lock a store for one of its managers. Raises DomainError: NotFound, VersionConflict."""
    row = await session.get(Store, store_id, with_for_update=True, populate_existing=True)
    if row is None or not may_manage_store(actor, row.company_id, store_id):
        raise not_found(Store, "storeId")
    check_version(row, expected_version, "The store was changed by somebody else: read it again.")
    return row


async def _timezone(session: AsyncSession, name: str) -> str:
    """Validate the name of a time zone: the process and the database compute local times."""
    timezone = parse_code(name, "input", "timezone", max_length=MAX_LINE_LENGTH)
    is_known = timezone in available_timezones() - {"Factory", "localtime"}
    if not is_known or not await session.scalar(TIMEZONE_EXISTS, {"name": timezone}):
        message = "A time zone is named as in Europe/Lisbon."
        raise DomainError(InvalidInput(path=["input", "timezone"], message=message))
    return timezone


def _validate_preparation(seconds: int) -> int:
    if 0 <= seconds <= MAX_PREPARATION_SECONDS:
        return seconds
    message = f"preparationSeconds is from 0 to {duration_text(MAX_PREPARATION_SECONDS)}."
    raise DomainError(InvalidInput(path=["input", "preparationSeconds"], message=message))


def _validate_pickup_wait(seconds: int) -> int:
    if MIN_PICKUP_WAIT_SECONDS <= seconds <= MAX_PICKUP_WAIT_SECONDS:
        return seconds
    least, most = duration_text(MIN_PICKUP_WAIT_SECONDS), duration_text(MAX_PICKUP_WAIT_SECONDS)
    message = f"pickupWaitSeconds is from {least} to {most}."
    raise DomainError(InvalidInput(path=["input", "pickupWaitSeconds"], message=message))


def _validate_day_start(start: time) -> time:
    if start <= LATEST_DAY_START and not start.second and not start.microsecond:
        return start
    message = "A business day begins at a full minute from 00:00 to 12:00."
    raise DomainError(InvalidInput(path=["input", "businessDayStart"], message=message))


def _code_taken(code: str) -> DomainError:
    message = "Another store of the company has this code."
    return DomainError(CodeTaken(path=["input", "code"], message=message, code=code))
