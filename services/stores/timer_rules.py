"""Checks new timers of a company or of a store; both have the same bounds and the same order.

A timer of a company holds in every store that has not set its own, so a change of either is checked
as it would hold in each store that it reaches.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models.companies import Company
from models.message_text import duration_text
from models.stores import Store
from models.timers import TIMER_BOUNDS, CompanyTimers, timers_with
from services.core.problems import InvalidInput


@dataclass(frozen=True, slots=True)
class TimerOrder:
    """Two timers that start together, of which the first must not end after the second."""

    first: str
    second: str
    reason: str


TIMER_ORDERS = (
    TimerOrder(
        "rider_silence_seconds",
        "rider_silence_case_seconds",
        "A silent rider is asked before a case is opened",
    ),
    TimerOrder(
        "search_wider_seconds",
        "search_alert_seconds",
        "A search looks farther away before store and support are told",
    ),
    TimerOrder(
        "search_alert_seconds",
        "search_cancel_offer_seconds",
        "Store and support are told before the customer may cancel",
    ),
    TimerOrder(
        "search_cancel_offer_seconds",
        "search_end_seconds",
        "The customer may cancel before the order is canceled",
    ),
)


@dataclass(frozen=True, slots=True)
class MergedTimers:
    """The timers that would hold in a place; `place` names it in messages."""

    place: str
    timers: CompanyTimers


async def company_timer_problems(
    session: AsyncSession,
    company_id: UUID,
    overrides: Mapping[str, int],
    given: Mapping[str, int | None],
) -> list[InvalidInput]:
    """The problems of new timers of a company, whose row is locked, in it and in its stores."""
    of_stores = (
        select(Store.name, Store.timer_overrides)
        .where(Store.company_id == company_id, Store.timer_overrides != {})
        .order_by(Store.name, Store.id)
    )
    rows = (await session.execute(of_stores)).all() if _ordered_names() & given.keys() else ()
    merged = [MergedTimers("the company", timers_with(overrides))]
    merged += [MergedTimers(name, timers_with(overrides, own)) for name, own in rows]
    return [*_problems(given, merged)]


async def store_timer_problems(
    session: AsyncSession,
    store: Store,
    overrides: Mapping[str, int],
    given: Mapping[str, int | None],
) -> list[InvalidInput]:
    """The problems of new timers of a store, whose row is locked, with those of its company.

    The lock keeps the company from changing its timers, unseen by this check, at the same time.
    """
    of_company = select(Company.timer_overrides).where(Company.id == store.company_id)
    company = (await session.scalars(of_company.with_for_update(read=True))).one()
    return [*_problems(given, [MergedTimers(store.name, timers_with(company, overrides))])]


def _problems(
    given: Mapping[str, int | None], merged: Iterable[MergedTimers]
) -> Iterator[InvalidInput]:
    for name, seconds in given.items():
        least, most = TIMER_BOUNDS[name]
        if seconds is not None and not least <= seconds <= most:
            limits = f"from {duration_text(least)} to {duration_text(most)}"
            yield _invalid(name, f"{camel_case(name)} is {limits}.")
    for order in TIMER_ORDERS:
        names = [name for name in (order.second, order.first) if name in given]
        broken = [one for one in merged if _breaks(one.timers, order)]
        if names and broken:
            other = order.first if names[0] == order.second else order.second
            present = duration_text(getattr(broken[0].timers, other))
            timer = f"{camel_case(other)} is {present}"
            message = f"{order.reason}: in {broken[0].place}, {timer}."
            yield _invalid(names[0], message)


def _breaks(timers: CompanyTimers, order: TimerOrder) -> bool:
    first: int = getattr(timers, order.first)
    second: int = getattr(timers, order.second)
    return first > second


def _ordered_names() -> frozenset[str]:
    return frozenset(name for order in TIMER_ORDERS for name in (order.first, order.second))


def _invalid(name: str, message: str) -> InvalidInput:
    return InvalidInput(path=["input", "timers", camel_case(name)], message=message)


def camel_case(name: str) -> str:
    """The name of a column as the graph writes it."""
    first, *rest = name.split("_")
    return first + "".join(word.title() for word in rest)
