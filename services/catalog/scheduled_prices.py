"""Scheduled prices: store staff schedule them, a job starts and ends them.

Every command locks the listing first, so commands on one listing are serial and two overlapping
schedules can't both be stored.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from models.catalog import Listing, ScheduledPrice, ScheduledPriceAction, ScheduledPriceStatus
from models.companies import Company
from models.identity import Actor
from models.ids import encode_id
from models.stores import Store
from services.catalog import listings
from services.catalog.price_change_states import LIVE_STATUSES, MACHINE
from services.core.access import may_operate_store
from services.core.clock import current_time
from services.core.pages import Page, build_page, check_page_size, decode_cursor
from services.core.problems import DomainError, InvalidInput, Problem, not_found

MAX_DAYS_AHEAD = 366
MAX_LIVE_CHANGES = 50  # per listing
MIN_DURATION = timedelta(seconds=1)
DUE_CHANGES = (
    select(ScheduledPrice.id)
    .where(ScheduledPrice.due_at <= func.clock_timestamp())
    .order_by(ScheduledPrice.due_at, ScheduledPrice.id)
)
"""Prices that start or end now, the longest overdue first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledPriceOverlap(Problem):
    """Another price, `price_change_id`, is scheduled for a part of this period."""

    scheduled_price_id: str
    starts_at: datetime
    ends_at: datetime | None


@dataclass(frozen=True, slots=True)
class PriceSchedule:
    """A price (minor units), its start and its end; permanent without an end."""

    price_minor: int
    starts_at: datetime
    ends_at: datetime | None = None


async def schedule(
    session: AsyncSession,
    *,
    actor: Actor,
    store_id: UUID,
    product_id: UUID,
    price_schedule: PriceSchedule,
) -> ScheduledPrice:
    """Schedule a price in one store; for its staff.

    Raises DomainError: NotFound, InvalidInput for the price or the times, ScheduledPriceOverlap.
    """
    listing = await listings.lock_listing(session, actor, store_id, product_id)
    listings.validate_price(price_schedule.price_minor)
    starts, ends = await _validate_times(session, price_schedule)
    await _check_overlap(session, listing, starts, ends)
    company_currency = select(Company.currency).where(Company.id == listing.company_id)
    row = ScheduledPrice(
        company_id=listing.company_id,
        store_id=store_id,
        product_id=product_id,
        currency=await session.scalar(company_currency),
        price_minor=price_schedule.price_minor,
        starts_at=starts,
        ends_at=ends,
        due_at=starts,
        status=ScheduledPriceStatus.SCHEDULED,
        created_by_id=actor.person_id,
        version=1,
    )
    session.add(row)
    await session.flush()
    return row


async def _validate_times(
    session: AsyncSession, schedule: PriceSchedule
) -> tuple[datetime, datetime | None]:
    """Return start and end in UTC. Raises DomainError: InvalidInput."""
    now = await current_time(session)
    starts, ends = schedule.starts_at, schedule.ends_at
    latest = now + timedelta(days=MAX_DAYS_AHEAD)
    if starts < now:
        raise _invalid("startsAt", "A price begins in the future.")
    if ends is not None and ends < starts + MIN_DURATION:
        raise _invalid("endsAt", "A price ends a second after its beginning, or later.")
    for name, at in (("startsAt", starts), ("endsAt", ends)):
        if at is not None and at > latest:
            raise _invalid(name, f"Plan at most {MAX_DAYS_AHEAD} days ahead.")
    return starts, ends


async def _check_overlap(
    session: AsyncSession, listing: Listing, starts: datetime, ends: datetime | None
) -> None:
    """Raise DomainError: ScheduledPriceOverlap if another live change of the listing overlaps.

    A change without an end covers only its start time.
    """
    others = await _live_changes(session, [(listing.store_id, listing.product_id)])
    if len(others) >= MAX_LIVE_CHANGES:
        message = f"A product has at most {MAX_LIVE_CHANGES} planned prices in a store."
        raise _invalid("startsAt", message)
    for other in others:
        if starts < _exclusive_end(
            other.starts_at, other.ends_at
        ) and other.starts_at < _exclusive_end(starts, ends):
            problem = ScheduledPriceOverlap(
                path=["input", "startsAt"],
                message="Another price is planned for a part of this time.",
                scheduled_price_id=encode_id(ScheduledPrice, other.id),
                starts_at=other.starts_at,
                ends_at=other.ends_at,
            )
            raise DomainError(problem)


def _exclusive_end(starts: datetime, ends: datetime | None) -> datetime:
    """Return the first time after the period of a change."""
    return ends or starts + timedelta(microseconds=1)


async def cancel(session: AsyncSession, *, actor: Actor, price_change_id: UUID) -> ScheduledPrice:
    """Cancel a scheduled price, or end an active one and restore the previous price.

    Raises DomainError: NotFound, InvalidTransition if it has ended.
    """
    unlocked = await session.get(ScheduledPrice, price_change_id)
    if unlocked is None:
        raise not_found(ScheduledPrice, "scheduledPriceId")
    MACHINE.require_visible(unlocked, actor)
    listing = await listings.lock_listing(session, actor, unlocked.store_id, unlocked.product_id)
    row = await session.get_one(ScheduledPrice, price_change_id, populate_existing=True)
    MACHINE.check(row, actor, ScheduledPriceAction.CANCEL)
    await _restore_previous(session, listing, row)
    _close(row, ScheduledPriceStatus.CANCELED)
    await session.flush()
    return row


async def apply_due(session: AsyncSession, change_ids: Sequence[UUID]) -> int:
    """Start and end the prices that are due, of the listings of these changes; returns how many."""
    due = select(ScheduledPrice.store_id, ScheduledPrice.product_id).where(
        ScheduledPrice.id.in_(change_ids)
    )
    due_keys = (await session.execute(due)).all()
    keys = {(store_id, product_id) for store_id, product_id in due_keys}
    rows = await session.scalars(
        select(Listing)
        .where(tuple_(Listing.store_id, Listing.product_id).in_(keys))
        .order_by(Listing.store_id, Listing.product_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    listings_by_key = {(row.store_id, row.product_id): row for row in rows}
    now = await current_time(session)
    advanced = 0
    for change in await _live_changes(session, keys, before=now):
        advanced += await _advance(session, listings_by_key[change.listing_key], change, now)
    await session.flush()
    return advanced


async def _advance(
    session: AsyncSession, listing: Listing, row: ScheduledPrice, now: datetime
) -> bool:
    """Start or end a change if it is due; one whose whole period was missed only ends."""
    has_ended = row.ends_at is not None and row.ends_at <= now
    if row.status is ScheduledPriceStatus.ACTIVE and has_ended:
        await _restore_previous(session, listing, row)
        _close(row, ScheduledPriceStatus.ENDED)
        return True
    if row.status is not ScheduledPriceStatus.SCHEDULED or row.starts_at > now:
        return False
    if not has_ended:
        row.previous_price_minor = listing.current_price_minor
        await listings.apply_price(session, listing, row.price_minor)
    if has_ended or row.ends_at is None:
        _close(row, ScheduledPriceStatus.ENDED)
        return True
    MACHINE.move(row, ScheduledPriceStatus.ACTIVE)
    row.due_at = row.ends_at
    return True


async def _restore_previous(session: AsyncSession, listing: Listing, row: ScheduledPrice) -> None:
    """Restore the previous price, unless staff have set another one since."""
    is_current = (
        row.status is ScheduledPriceStatus.ACTIVE and listing.current_price_minor == row.price_minor
    )
    if is_current and row.previous_price_minor is not None:
        await listings.apply_price(session, listing, row.previous_price_minor)


def _close(row: ScheduledPrice, status: ScheduledPriceStatus) -> None:
    MACHINE.move(row, status)
    row.due_at = None


async def _live_changes(
    session: AsyncSession,
    listing_keys: set[tuple[UUID, UUID]] | list[tuple[UUID, UUID]],
    before: datetime | None = None,
) -> Sequence[ScheduledPrice]:
    """Return the live changes of the listings by due time; at equal times, ends before starts."""
    rows = (
        select(ScheduledPrice)
        .where(
            tuple_(ScheduledPrice.store_id, ScheduledPrice.product_id).in_(listing_keys),
            ScheduledPrice.status.in_(LIVE_STATUSES),
        )
        .order_by(ScheduledPrice.due_at, ScheduledPrice.status, ScheduledPrice.id)
        .execution_options(populate_existing=True)
    )
    if before is not None:
        rows = rows.where(ScheduledPrice.due_at <= before)
    return (await session.scalars(rows)).all()


async def list_of_store(
    session: AsyncSession,
    *,
    actor: Actor,
    store_id: UUID,
    product_id: UUID | None,
    status: ScheduledPriceStatus | None,
    first: int,
    cursor: str | None,
) -> Page[ScheduledPrice]:
    """Return a page of a store's scheduled prices, newest first; for its staff.

    Raises DomainError: NotFound.
    """
    check_page_size(first)
    store = await session.get(Store, store_id)
    if store is None or not may_operate_store(actor, store.company_id, store.id):
        raise not_found(Store, "storeId")
    rows = select(ScheduledPrice).where(ScheduledPrice.store_id == store_id)
    if product_id is not None:
        rows = rows.where(ScheduledPrice.product_id == product_id)
    if status is not None:
        rows = rows.where(ScheduledPrice.status == status)
    if (start := decode_cursor(cursor, ScheduledPrice.id)) is not None:
        rows = rows.where(ScheduledPrice.id < start[0])
    page_rows = (
        await session.scalars(rows.order_by(ScheduledPrice.id.desc()).limit(first + 1))
    ).all()
    return build_page(page_rows, first, cursor, lambda row: (str(row.id),))


def _invalid(field: str, message: str) -> DomainError:
    return DomainError(InvalidInput(path=["input", field], message=message))
