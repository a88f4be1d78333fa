"""Sets on_hand of many products of a store at once, each compared with what the staff saw."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models.catalog import Product
from models.identity import Actor
from models.imports import ErrorPolicy, StockBulkUpdate
from models.message_text import count_text, number_text, words_text
from models.stock import StockLevel, StockMovementReason
from models.stores import Store
from services.core.problems import DomainError, InvalidInput, NotFound, Problem, VersionConflict
from services.core.state_machine import version_conflict
from services.core.text import parse_line
from services.stock import batches
from services.stock.adjustments import BelowHeld
from services.stock.stock_queries import visible_store
from services.stock.stock_rows import StockRows, lock_rows
from services.stock.stock_writer import (
    MAX_ON_HAND_UNITS,
    MovementCause,
    create_missing_rows,
    publish_stock_changed,
)

MAX_LINES = 250
MAX_NOTE_LENGTH = 200
BULK_REASONS = frozenset({StockMovementReason.ADJUSTMENT, StockMovementReason.COUNT})
PROBLEM_TYPES: Mapping[str, type[Problem]] = {
    kind.__name__: kind for kind in (NotFound, InvalidInput, VersionConflict, BelowHeld)
}


@dataclass(frozen=True, slots=True)
class BulkLine:
    """The total units of a product, and what the staff saw before: a quantity or a version.

    `product_id` is None when the id of the input is not the id of a product.
    """

    product_id: UUID | None
    quantity: int
    compare_quantity: int | None = None
    expected_version: int | None = None


async def set_stock_levels(
    session: AsyncSession,
    *,
    actor: Actor,
    store_id: UUID,
    lines: Sequence[BulkLine],
    reason: StockMovementReason,
    note: str,
    on_error: ErrorPolicy,
) -> StockBulkUpdate:
    """Set on_hand of up to MAX_LINES products; the result has the problems of skipped lines.

    ALL_OR_NOTHING raises every error; SKIP_INVALID sets the valid lines. Raises DomainError, each
    with the path of its line: NotFound, InvalidInput, VersionConflict, BelowHeld.
    """
    note = parse_line(note, "input", "note", max_length=MAX_NOTE_LENGTH)
    _check(lines, reason)
    store = await visible_store(session, actor, store_id)
    product_ids = {line.product_id for line in lines if line.product_id}
    rows, in_stock = await _lock(session, store, product_ids)
    problems = _problems(lines, rows)
    if problems and on_error is ErrorPolicy.ALL_OR_NOTHING:
        raise DomainError(*problems.values())
    valid = [line for nth, line in enumerate(lines) if nth not in problems]
    targets = [(rows[line.product_id], line.quantity) for line in valid if line.product_id]
    deltas = {row.product_id: units - row.on_hand for row, units in targets if units != row.on_hand}
    cause = MovementCause(reason, note, actor.person_id)
    for key, delta in deltas.items():
        batches.change_on_hand(session, rows[key], in_stock.get(key, []), delta, cause)
    publish_stock_changed(session, [rows[key] for key in deltas])
    result = StockBulkUpdate(
        company_id=store.company_id, store_id=store.id, actor_id=actor.person_id,
        error_policy=on_error, applied_count=len(deltas),
        unchanged_count=len(targets) - len(deltas),
        refused={"problems": [_to_json(problem) for problem in problems.values()]},
    )  # fmt: skip
    session.add(result)
    return result


def skipped_line_problems(row: StockBulkUpdate) -> list[Problem]:
    """Why lines were skipped, as stored with the result."""
    return [PROBLEM_TYPES[kind](**fields) for kind, fields in row.refused.get("problems", [])]


def _to_json(problem: Problem) -> tuple[str, dict[str, Any]]:
    return type(problem).__name__, asdict(problem)


def _check(lines: Sequence[BulkLine], reason: StockMovementReason) -> None:
    if reason not in BULK_REASONS:
        names = ", ".join(words_text(one) for one in sorted(BULK_REASONS))
        message = f"The reason of a set is one of {names}."
        raise DomainError(InvalidInput(path=["input", "reason"], message=message))
    if not 1 <= len(lines) <= MAX_LINES:
        message = f"A request has from 1 to {MAX_LINES} lines."
        raise DomainError(InvalidInput(path=["input", "lines"], message=message))


async def _lock(
    session: AsyncSession, store: Store, product_ids: set[UUID]
) -> tuple[StockRows, batches.BatchesByProduct]:
    """The locked rows of the company's products among these, and their batches."""
    own = select(Product.id).where(
        Product.id.in_(product_ids), Product.company_id == store.company_id
    )
    keys = list(await session.scalars(own))
    await create_missing_rows(session, store.company_id, store.id, keys)
    rows = (await lock_rows(session, [store.id], keys))[store.id]
    return rows, await batches.load_in_stock(session, store.id, keys)


def _problems(lines: Sequence[BulkLine], rows: StockRows) -> dict[int, Problem]:
    """The first problem of each invalid line, by its position."""
    problems: dict[int, Problem] = {}
    seen: set[UUID | None] = set()
    for nth, line in enumerate(lines):
        row = rows.get(line.product_id) if line.product_id else None
        problem = _problem(line, row, line.product_id in seen, nth)
        seen.add(line.product_id)
        if problem is not None:
            problems[nth] = problem
    return problems


def _problem(line: BulkLine, row: StockLevel | None, repeated: bool, nth: int) -> Problem | None:
    path = ["input", "lines", str(nth)]
    if row is None:
        return NotFound(path=[*path, "productId"], message="There is no such product.")
    if repeated:
        message = "An earlier line sets this product."
        return InvalidInput(path=[*path, "productId"], message=message)
    if not 0 <= line.quantity <= MAX_ON_HAND_UNITS:
        message = f"A quantity is from 0 to {number_text(MAX_ON_HAND_UNITS)} units."
        return InvalidInput(path=[*path, "quantity"], message=message)
    if (field := _stale_field(line, row)) is not None:
        message = f"The stock has changed: {number_text(row.on_hand)} on hand now."
        conflict = version_conflict(*path, field, message=message, current=row.version)
        return conflict.problems[0]
    if line.quantity < row.reserved:
        reserved = count_text(row.reserved, "unit")
        message = f"On hand can't be less than what is reserved: {reserved}."
        return BelowHeld(path=[*path, "quantity"], message=message, reserved=row.reserved)
    return None


def _stale_field(line: BulkLine, row: StockLevel) -> str | None:
    """The field of the line that differs from the stock row, if one does."""
    if line.expected_version not in (None, row.version):
        return "expectedVersion"
    return "compareQuantity" if line.compare_quantity not in (None, row.on_hand) else None
