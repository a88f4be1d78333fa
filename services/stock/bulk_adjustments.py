"""Setting many shelves of a store at once, each with what the counter saw before."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models.catalog import Product
from models.identity import Actor
from models.imports import ErrorPolicy, StockSet
from models.stock import Stock, StockBatch, StockReason
from models.stores import Store
from services.core.access import works_in
from services.core.problems import (
    InvalidInput,
    NotFound,
    Problem,
    Refused,
    VersionConflict,
    not_found,
)
from services.core.text import line
from services.stock import batches, stock_rows
from services.stock.adjustments import ON_HAND_UNITS, BelowHeld
from services.stock.row_edits import make_rows, shift

LINES = 250
NOTE_LENGTH = 200
REASONS = frozenset({StockReason.ADJUSTMENT, StockReason.COUNT})
KINDS: Mapping[str, type[Problem]] = {
    kind.__name__: kind for kind in (NotFound, InvalidInput, VersionConflict, BelowHeld)
}


@dataclass(frozen=True, slots=True)
class Line:
    """Units of a product in all, and what the shelf was seen to have: a quantity or a version."""

    product_id: UUID | None
    quantity: int
    compare_quantity: int | None = None
    expected_version: int | None = None


async def set_many(
    session: AsyncSession,
    *,
    actor: Actor,
    store_id: UUID,
    lines: Sequence[Line],
    reason: StockReason,
    note: str,
    on_error: ErrorPolicy,
) -> StockSet:
    """Set on_hand of up to LINES products; answers how many were set and why others were not.

    ALL_OR_NOTHING is refused with every reason there is; SKIP_BAD sets what can be set. Reasons,
    each with its line's path: NotFound, InvalidInput, VersionConflict, BelowHeld.
    """
    note = line(note, "input", "note", most=NOTE_LENGTH)
    _check(lines, reason)
    store = await session.get(Store, store_id)
    if store is None or not works_in(actor, store.company_id, store.id):
        raise not_found(Store, "storeId")
    shelf, there = await _shelf(session, store, {one.product_id for one in lines if one.product_id})
    problems = _problems(lines, shelf)
    if problems and on_error is ErrorPolicy.ALL_OR_NOTHING:
        raise Refused(*problems.values())
    fine = [one for nth, one in enumerate(lines) if nth not in problems]
    good = [(shelf[one.product_id], one.quantity) for one in fine if one.product_id]
    moved = {row.product_id: units - row.on_hand for row, units in good if units != row.on_hand}
    cause = stock_rows.Cause(reason, note, actor.person_id)
    for key, delta in moved.items():
        shift(session, shelf[key], there.get(key, []), delta, cause)
    stock_rows.announce(session, [shelf[key] for key in moved])
    done = StockSet(
        company_id=store.company_id, store_id=store.id, actor_id=actor.person_id,
        on_error=on_error, applied=len(moved), unchanged=len(good) - len(moved),
        refused={"problems": [_stored(one) for one in problems.values()]},
    )  # fmt: skip
    session.add(done)
    return done


def refused(row: StockSet) -> list[Problem]:
    """Why lines were left out, as it was said when the set was made."""
    return [KINDS[kind](**facts) for kind, facts in row.refused.get("problems", [])]


def _stored(problem: Problem) -> tuple[str, dict[str, Any]]:
    return type(problem).__name__, asdict(problem)


def _check(lines: Sequence[Line], reason: StockReason) -> None:
    if reason not in REASONS:
        names = ", ".join(sorted(REASONS))
        said = f"The reason of a set is one of {names}."
        raise Refused(InvalidInput(path=["input", "reason"], message=said))
    if not 1 <= len(lines) <= LINES:
        said = f"From 1 to {LINES} lines at once."
        raise Refused(InvalidInput(path=["input", "lines"], message=said))


async def _shelf(
    session: AsyncSession, store: Store, keys: set[UUID]
) -> tuple[Mapping[UUID, Stock], Mapping[UUID, list[StockBatch]]]:
    """The locked rows of the company's products among these, and their batches."""
    ours = select(Product.id).where(Product.id.in_(keys), Product.company_id == store.company_id)
    known = list(await session.scalars(ours))
    await make_rows(session, store.company_id, store.id, known)
    shelf = (await stock_rows.lock(session, [store.id], known))[store.id]
    return shelf, await batches.on_shelf(session, store.id, known)


def _problems(lines: Sequence[Line], shelf: Mapping[UUID, Stock]) -> dict[int, Problem]:
    """The first reason against each bad line, by the line's place."""
    problems: dict[int, Problem] = {}
    seen: set[UUID | None] = set()
    for nth, one in enumerate(lines):
        row = shelf.get(one.product_id) if one.product_id else None
        problem = _problem(one, row, one.product_id in seen, nth)
        seen.add(one.product_id)
        if problem is not None:
            problems[nth] = problem
    return problems


def _problem(one: Line, row: Stock | None, again: bool, nth: int) -> Problem | None:
    path = ["input", "lines", str(nth)]
    if row is None:
        return NotFound(path=[*path, "productId"], message="There is no such product.")
    if again:
        said = "An earlier line sets this product."
        return InvalidInput(path=[*path, "productId"], message=said)
    if not 0 <= one.quantity <= ON_HAND_UNITS:
        said = f"A shelf holds from 0 to {ON_HAND_UNITS} units."
        return InvalidInput(path=[*path, "quantity"], message=said)
    if (field := _stale(one, row)) is not None:
        said = f"The shelf has changed: {row.on_hand} on hand now."
        return VersionConflict(path=[*path, field], message=said, current=row.version)
    if one.quantity < row.held:
        said = f"{row.held} units are promised: {one.quantity} would not do."
        return BelowHeld(path=[*path, "quantity"], message=said, held=row.held)
    return None


def _stale(one: Line, row: Stock) -> str | None:
    """The field that says that the shelf is not as it was seen."""
    if one.expected_version not in (None, row.version):
        return "expectedVersion"
    return "compareQuantity" if one.compare_quantity not in (None, row.on_hand) else None
