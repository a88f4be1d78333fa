"""Manual stock adjustments: store staff correct the on_hand of a product."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from models.catalog import Product
from models.identity import Actor
from models.message_text import number_text, words_text
from models.stock import StockBatch, StockLevel, StockMovement, StockMovementReason
from services.core.problems import DomainError, InvalidInput, Problem, not_found
from services.core.state_machine import version_conflict
from services.core.text import parse_line
from services.stock import batches, receiving
from services.stock.receiving import StockReceiptLine
from services.stock.stock_queries import visible_store
from services.stock.stock_rows import ensure_and_lock
from services.stock.stock_writer import (
    MAX_ON_HAND_UNITS,
    MovementCause,
    publish_stock_changed,
    record_movement,
)

MAX_DELTA_UNITS = 100_000
MAX_NOTE_LENGTH = 200

# The other reasons are written by orders, transfers, counts and imports only.
MANUAL_REASONS = frozenset(
    {
        StockMovementReason.ADJUSTMENT,
        StockMovementReason.RECEIPT,
        StockMovementReason.DAMAGE,
        StockMovementReason.WASTE,
    }
)
INCREASE_ONLY_REASONS = frozenset({StockMovementReason.RECEIPT})
DECREASE_ONLY_REASONS = frozenset({StockMovementReason.DAMAGE, StockMovementReason.WASTE})


@dataclass(frozen=True, slots=True, kw_only=True)
class BelowHeld(Problem):
    """Fewer units would be left than the `held` ones that are reserved for orders."""

    reserved: int


@dataclass(frozen=True, slots=True)
class StockAdjustment:
    """A correction: `delta` units more or less, or `on_hand` units in total.

    `compare_quantity` and `expected_version` are what the staff saw before. A delta may name a
    batch; `sell_by_date` is its last day of sale, for a batch that is new in the store.
    """

    delta: int | None = None
    on_hand: int | None = None
    compare_quantity: int | None = None
    expected_version: int | None = None
    batch_code: str | None = None
    sell_by_date: date | None = None

    @property
    def names_batch(self) -> bool:
        return self.batch_code is not None or self.sell_by_date is not None


async def adjust(
    session: AsyncSession,
    *,
    actor: Actor,
    store_id: UUID,
    product_id: UUID,
    adjustment: StockAdjustment,
    reason: StockMovementReason,
    note: str,
) -> StockMovement:
    """Change on_hand of a product in the actor's store; returns the (first) ledger row.

    Raises DomainError: NotFound, InvalidInput, VersionConflict when the stock row changed since it
    was seen, BelowHeld when reserved units would be missing.
    """
    _check(adjustment, reason)
    note = parse_line(note, "input", "note", max_length=MAX_NOTE_LENGTH)
    store = await visible_store(session, actor, store_id)
    if (adjustment.delta or 0) > 0 and adjustment.names_batch:
        await receiving.lock_batches(session, [_receipt_line(product_id, adjustment)])
    rows = await ensure_and_lock(session, store.company_id, store.id, [product_id])
    if (row := rows.get(product_id)) is None:
        raise not_found(Product, "productId")
    _check_unchanged(row, adjustment)
    in_stock = (await batches.load_in_stock(session, store.id, [product_id]))[product_id]
    cause = MovementCause(reason, note, actor.person_id)
    batches.set_aside(session, row, in_stock, cause)
    delta = adjustment.delta
    if delta is None:
        delta = (adjustment.on_hand or 0) - row.on_hand
    _check_delta(row, delta, reason)
    if delta > 0 and adjustment.names_batch:
        return await _add_to_batch(session, row, adjustment, cause)
    entry = _change_on_hand(session, row, in_stock, delta, adjustment, cause)
    await session.flush()
    publish_stock_changed(session, [row])
    return entry


def _change_on_hand(
    session: AsyncSession,
    row: StockLevel,
    in_stock: Sequence[StockBatch],
    delta: int,
    adjustment: StockAdjustment,
    cause: MovementCause,
) -> StockMovement:
    """Add units to no batch, or remove them from the named batch, else first expired first out.

    Returns the (first) ledger row.
    """
    if delta > 0:
        return record_movement(session, row, cause, delta)
    if adjustment.names_batch:
        code = adjustment.batch_code or str(adjustment.sell_by_date)
        in_stock = [batch for batch in batches.sellable(in_stock) if batch.code == code]
        if sum(batch.on_hand for batch in in_stock) < -delta:
            raise DomainError(_invalid("batchCode", "Not so many units of such a batch are here."))
    damaged = cause.reason is StockMovementReason.DAMAGE
    return batches.remove_units(session, row, in_stock, -delta, cause, damaged=damaged)[0]


async def _add_to_batch(
    session: AsyncSession, row: StockLevel, adjustment: StockAdjustment, cause: MovementCause
) -> StockMovement:
    line = _receipt_line(row.product_id, adjustment)
    try:
        (entry,) = await receiving.receive_locked(
            session, company_id=row.company_id, store_id=row.store_id, lines=[line],
            reason=cause.reason, reference=cause.reference, actor_id=cause.actor_id,
            path=["input"],
        )  # fmt: skip
    except DomainError as error:  # the input has no lines: drop the position from the paths
        problems = [replace(each, path=["input", *each.path[2:]]) for each in error.problems]
        raise DomainError(*problems) from None
    return entry


def _receipt_line(product_id: UUID, adjustment: StockAdjustment) -> StockReceiptLine:
    return StockReceiptLine(
        product_id, adjustment.delta or 0, adjustment.batch_code, adjustment.sell_by_date
    )


def _check(adjustment: StockAdjustment, reason: StockMovementReason) -> None:
    """Raise InvalidInput for everything that is wrong whatever the stock is."""
    problems: list[Problem] = []
    delta, on_hand = adjustment.delta, adjustment.on_hand
    if (delta is None) == (on_hand is None):
        problems.append(_invalid("delta", "Give either delta or onHand."))
    compared = adjustment.compare_quantity is not None or adjustment.expected_version is not None
    if on_hand is not None and not compared:
        message = "onHand needs compareQuantity or expectedVersion: what you saw before."
        problems.append(_invalid("compareQuantity", message))
    if delta is not None and not 0 < abs(delta) <= MAX_DELTA_UNITS:
        most = number_text(MAX_DELTA_UNITS)
        message = f"delta is from -{most} to {most}, and not 0."
        problems.append(_invalid("delta", message))
    if on_hand is not None and not 0 <= on_hand <= MAX_ON_HAND_UNITS:
        problems.append(
            _invalid("onHand", f"onHand is from 0 to {number_text(MAX_ON_HAND_UNITS)}.")
        )
    if on_hand is not None and adjustment.names_batch:
        problems.append(_invalid("batchCode", "A batch goes with delta, not with onHand."))
    if reason not in MANUAL_REASONS:
        names = ", ".join(words_text(one) for one in sorted(MANUAL_REASONS))
        problems.append(_invalid("reason", f"The reason of an adjustment is one of {names}."))
    if problems:
        raise DomainError(*problems)


def _check_unchanged(row: StockLevel, adjustment: StockAdjustment) -> None:
    stale_version = adjustment.expected_version not in (None, row.version)
    stale_quantity = adjustment.compare_quantity not in (None, row.on_hand)
    if not stale_version and not stale_quantity:
        return
    field = "expectedVersion" if stale_version else "compareQuantity"
    message = f"The stock has changed: {number_text(row.on_hand)} on hand now."
    raise version_conflict("input", field, message=message, current=row.version)


def _check_delta(row: StockLevel, delta: int, reason: StockMovementReason) -> None:
    if delta == 0:
        raise DomainError(_invalid("onHand", "The stock has this quantity already."))
    if (reason in INCREASE_ONLY_REASONS and delta < 0) or (
        reason in DECREASE_ONLY_REASONS and delta > 0
    ):
        direction = "adds" if reason in INCREASE_ONLY_REASONS else "removes"
        raise DomainError(_invalid("reason", f'"{words_text(reason)}" only {direction} units.'))
    left = row.on_hand + delta
    if left > MAX_ON_HAND_UNITS:
        message = f"A store has at most {number_text(MAX_ON_HAND_UNITS)} units of a product."
        raise DomainError(_invalid("delta", message))
    if left < row.reserved:
        numbers = f"{number_text(row.on_hand)} on hand, {number_text(row.reserved)} reserved"
        message = f"{numbers}: on hand can't be less than what is reserved."
        raise DomainError(BelowHeld(path=["input"], message=message, reserved=row.reserved))


def _invalid(field: str, message: str) -> InvalidInput:
    return InvalidInput(path=["input", field], message=message)
