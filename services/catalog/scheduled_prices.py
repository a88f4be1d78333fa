"""Prices with an hour: scheduled by a store's staff, asked and taken back by the clock.

Whoever schedules, cancels or applies locks the listing first, so the verbs of one listing are
serial and two schedules that overlap can't both be kept.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from database.statements import kept
from models.catalog import Listing, PriceChange, PriceChangeAction, PriceChangeStatus
from models.companies import Company
from models.identity import Actor
from models.ids import encode
from models.stores import Store
from services.catalog import listings
from services.core.access import works_in
from services.core.clock import moment
from services.core.pages import Page, after, bounded, page
from services.core.problems import IllegalStep, InvalidInput, Problem, Refused, not_found

AHEAD_DAYS = 366
OPEN_CHANGES = 50  # of one listing
SHORTEST = timedelta(seconds=1)
LIVE = (PriceChangeStatus.SCHEDULED, PriceChangeStatus.ACTIVE)
# From which states each step may be taken.
STEPS = {PriceChangeAction.CANCEL: frozenset(LIVE)}
ANY_DUE = kept(
    select(select(PriceChange.id).where(PriceChange.due_at <= func.clock_timestamp()).exists())
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleOverlap(Problem):
    """Another price is planned for a part of this time; `price_change_id` names it."""

    price_change_id: str
    starts_at: datetime
    ends_at: datetime | None


@dataclass(frozen=True, slots=True)
class Plan:
    """What to ask (minor units), from when, and until when; for good without an end."""

    price_minor: int
    starts_at: datetime
    ends_at: datetime | None = None


def legal(status: PriceChangeStatus) -> list[PriceChangeAction]:
    """The steps that can be taken from here."""
    return [action for action, states in STEPS.items() if status in states]


def available_actions(row: PriceChange, actor: Actor) -> list[PriceChangeAction]:
    """The steps that `actor` can take: none for people of other stores."""
    return legal(row.status) if works_in(actor, row.company_id, row.store_id) else []


async def schedule(
    session: AsyncSession, *, actor: Actor, store_id: UUID, product_id: UUID, plan: Plan
) -> PriceChange:
    """Plan a price of one store; its staff may.

    Refused: NotFound, InvalidInput for a price or a time that can't be, ScheduleOverlap.
    """
    listing = await listings.locked(session, actor, store_id, product_id)
    listings.check_price(plan.price_minor)
    starts, ends = await _times(session, plan)
    await _fits(session, listing, starts, ends)
    currency = await session.scalar(
        select(Company.currency).where(Company.id == listing.company_id)
    )
    row = PriceChange(
        company_id=listing.company_id,
        store_id=store_id,
        product_id=product_id,
        currency=currency,
        price_minor=plan.price_minor,
        starts_at=starts,
        ends_at=ends,
        due_at=starts,
        status=PriceChangeStatus.SCHEDULED,
        created_by_id=actor.person_id,
        version=1,
    )
    session.add(row)
    await session.flush()
    return row


async def _times(session: AsyncSession, plan: Plan) -> tuple[datetime, datetime | None]:
    now = await moment(session)
    starts, ends = _utc(plan.starts_at, "startsAt"), plan.ends_at and _utc(plan.ends_at, "endsAt")
    latest = now + timedelta(days=AHEAD_DAYS)
    if starts < now:
        raise Refused(_invalid("startsAt", "A price begins in the future."))
    if ends is not None and ends < starts + SHORTEST:
        raise Refused(_invalid("endsAt", "A price ends a second after its beginning, or later."))
    for name, at in (("startsAt", starts), ("endsAt", ends)):
        if at is not None and at > latest:
            raise Refused(_invalid(name, f"Plan at most {AHEAD_DAYS} days ahead."))
    return starts, ends


def _utc(at: datetime, name: str) -> datetime:
    try:
        if at.tzinfo is None:
            raise ValueError(at)
        return at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Refused(_invalid(name, "Say the moment with its offset from UTC.")) from None


async def _fits(
    session: AsyncSession, listing: Listing, starts: datetime, ends: datetime | None
) -> None:
    """Refused when another live change of the listing has a moment in common with this one.

    A change without an end has only the moment of its beginning.
    """
    others = await _live(session, [(listing.store_id, listing.product_id)])
    if len(others) >= OPEN_CHANGES:
        said = f"A product has at most {OPEN_CHANGES} planned prices in a store."
        raise Refused(_invalid("startsAt", said))
    for other in others:
        if starts < _over(other.starts_at, other.ends_at) and other.starts_at < _over(starts, ends):
            raise Refused(
                ScheduleOverlap(
                    path=["input", "startsAt"],
                    message="Another price is planned for a part of this time.",
                    price_change_id=encode(PriceChange, other.id),
                    starts_at=other.starts_at,
                    ends_at=other.ends_at,
                )
            )


def _over(starts: datetime, ends: datetime | None) -> datetime:
    """The first moment that no longer belongs to a change."""
    return ends or starts + timedelta(microseconds=1)


async def cancel(session: AsyncSession, *, actor: Actor, price_change_id: UUID) -> PriceChange:
    """Call a planned price off, or end one that is asked now: the price before it comes back.

    Refused: NotFound, IllegalStep when it is over.
    """
    seen = await session.get(PriceChange, price_change_id)
    if seen is None or not works_in(actor, seen.company_id, seen.store_id):
        raise not_found(PriceChange, "priceChangeId")
    listing = await listings.locked(session, actor, seen.store_id, seen.product_id)
    row = await session.get_one(PriceChange, price_change_id, populate_existing=True)
    steps = legal(row.status)
    if PriceChangeAction.CANCEL not in steps:
        raise Refused(
            IllegalStep(
                path=["input", "priceChangeId"],
                message=f"It is {row.status} already.",
                state=row.status,
                legal=[*steps],
            )
        )
    await _take_back(session, listing, row)
    _close(row, PriceChangeStatus.CANCELED)
    await session.flush()
    return row


async def apply_due(session: AsyncSession, limit: int) -> int:
    """Ask the prices whose hour has come and take back those whose hour is over; how many."""
    due = PriceChange.due_at <= func.clock_timestamp()
    places = (
        await session.execute(
            select(PriceChange.store_id, PriceChange.product_id)
            .where(due)
            .order_by(PriceChange.due_at)
            .limit(limit)
        )
    ).all()
    if not places:
        return 0
    wanted = {(store_id, product_id) for store_id, product_id in places}
    listed = await session.scalars(
        select(Listing)
        .where(tuple_(Listing.store_id, Listing.product_id).in_(wanted))
        .order_by(Listing.store_id, Listing.product_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    shelf = {(row.store_id, row.product_id): row for row in listed}
    now = await moment(session)
    done = 0
    for change in await _live(session, wanted, before=now):
        done += await _advance(session, shelf[change.place], change, now)
    await session.flush()
    return done


async def _advance(
    session: AsyncSession, listing: Listing, row: PriceChange, now: datetime
) -> bool:
    """Take the steps of one change that are due; a whole window that was slept over is let go."""
    over = row.ends_at is not None and row.ends_at <= now
    if row.status is PriceChangeStatus.ACTIVE and over:
        await _take_back(session, listing, row)
        _close(row, PriceChangeStatus.DONE)
        return True
    if row.status is not PriceChangeStatus.SCHEDULED or row.starts_at > now:
        return False
    if not over:
        row.previous_price_minor = listing.asked_minor
        await listings.ask(session, listing, row.price_minor)
    if over or row.ends_at is None:
        _close(row, PriceChangeStatus.DONE)
        return True
    row.status, row.due_at = PriceChangeStatus.ACTIVE, row.ends_at
    row.version += 1
    return True


async def _take_back(session: AsyncSession, listing: Listing, row: PriceChange) -> None:
    """The price before comes back, unless somebody set yet another one by hand."""
    asked = row.status is PriceChangeStatus.ACTIVE and listing.asked_minor == row.price_minor
    if asked and row.previous_price_minor is not None:
        await listings.ask(session, listing, row.previous_price_minor)


def _close(row: PriceChange, status: PriceChangeStatus) -> None:
    row.status, row.due_at = status, None
    row.version += 1


async def _live(
    session: AsyncSession,
    places: set[tuple[UUID, UUID]] | list[tuple[UUID, UUID]],
    before: datetime | None = None,
) -> Sequence[PriceChange]:
    """Changes that are not over, of these places; ends before beginnings at the same moment."""
    rows = (
        select(PriceChange)
        .where(
            tuple_(PriceChange.store_id, PriceChange.product_id).in_(places),
            PriceChange.status.in_(LIVE),
        )
        .order_by(PriceChange.due_at, PriceChange.status, PriceChange.id)
        .execution_options(populate_existing=True)
    )
    if before is not None:
        rows = rows.where(PriceChange.due_at <= before)
    return (await session.scalars(rows)).all()


async def of_store(
    session: AsyncSession,
    *,
    actor: Actor,
    store_id: UUID,
    product_id: UUID | None,
    status: PriceChangeStatus | None,
    first: int,
    cursor: str | None,
) -> Page[PriceChange]:
    """A page of a store's planned prices for its staff, the newest first. Refused: NotFound."""
    bounded(first)
    store = await session.get(Store, store_id)
    if store is None or not works_in(actor, store.company_id, store.id):
        raise not_found(Store, "storeId")
    rows = select(PriceChange).where(PriceChange.store_id == store_id)
    if product_id is not None:
        rows = rows.where(PriceChange.product_id == product_id)
    if status is not None:
        rows = rows.where(PriceChange.status == status)
    if (start := after(cursor, UUID)) is not None:
        rows = rows.where(PriceChange.id < start[0])
    found = (await session.scalars(rows.order_by(PriceChange.id.desc()).limit(first + 1))).all()
    return page(found, first, lambda row: (str(row.id),))


def _invalid(field: str, message: str) -> InvalidInput:
    return InvalidInput(path=["input", field], message=message)
