"""The only module that writes stock: counters, ledger rows, missing rows and the event of a change.

There are three paths, because their sizes differ by orders of magnitude:

* `record_movement` changes one locked row through the ORM (adjustments, receipts, transfers,
  counts, counter sales);
* `write_reservations` changes the rows of many orders by one statement, together with their
  reservations (checkout);
* `set_on_hand_sql` builds the statement that sets thousands of rows from a table (imports).

Every change of a counter has its rows in the ledger: the ledger of a stock row sums to its
counters. Callers lock the rows first, in the order of (store, product).
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncSession

from database.base import UUID7_SQL
from database.statements import prepared
from models.stock import StockBatch, StockLevel, StockMovement, StockMovementReason
from services.events.event_log import inventory_stream, record_event

MAX_ON_HAND_UNITS = 1_000_000
StockKey = tuple[UUID, UUID]
"""A store and a product."""


@dataclass(frozen=True, slots=True)
class MovementCause:
    """Why a counter changes, the document or note behind it, and who changed it."""

    reason: StockMovementReason
    reference: str
    actor_id: UUID | None


@dataclass(slots=True)
class LockedCounters:
    """The counters of a locked stock row, and what a batch of reservations changes of them."""

    company_id: UUID
    on_hand: int
    held: int
    damaged: int
    incoming: int
    version: int
    reserved_delta: int = 0
    """Units that the batch reserves; below 0, those whose reservation it ends."""
    sold_units: int = 0
    """Reserved units that the batch sells: they leave on_hand."""

    @property
    def available(self) -> int:
        """Units that can still be reserved."""
        return self.on_hand - self.held - self.reserved_delta


# `source` selects store_id, product_id and company_id.
_CREATE_MISSING = """
    insert into stock
        (store_id, product_id, company_id, on_hand, reserved, unsellable, incoming, version)
    select store_id, product_id, company_id, 0, 0, 0, 0, 1 from ({source}) as missing
    order by 1, 2 on conflict do nothing
"""
# `source` selects store_id, product_id, target (the new on_hand) and delta of locked rows.
_SET_ON_HAND = """
    with moved as ({source}
    ), changed as (
        update stock s set on_hand = moved.target, version = s.version + 1
        from moved where s.store_id = moved.store_id and s.product_id = moved.product_id
        returning s.*, moved.delta
    ), noted as (
        insert into stock_entry
            (id, company_id, store_id, product_id, on_hand_delta, unsellable_delta,
             incoming_delta, batch_delta, reason, reference, actor_id)
        select {new_id}, company_id, store_id, product_id, delta, 0, 0, 0,
            '{reason}', :reference, :actor
        from changed
    )
    select store_id, product_id, company_id, on_hand, reserved, unsellable, incoming, version
    from changed
"""
_WRITE_RESERVATIONS = """
    with counted as (
        update stock s set reserved = s.reserved + changed.reserved,
            on_hand = s.on_hand - changed.sold, version = s.version + 1
        from unnest(cast(:stores as uuid[]), cast(:products as uuid[]), cast(:reserved as int[]),
                    cast(:sold as int[])) as changed (store, product, reserved, sold)
        where s.store_id = changed.store and s.product_id = changed.product
    ), reservations as ({reservations}
    ){ledger}
    select count(*) from reservations
"""
_INSERT_SALES = """sales as (
        insert into stock_entry
            (id, company_id, store_id, product_id, on_hand_delta, unsellable_delta,
             incoming_delta, batch_delta, reason, reference, actor_id)
        select id, company, store, product, -units, 0, 0, 0, :reason, reference, actor
        from unnest(cast(:sale_ids as uuid[]), cast(:sale_companies as uuid[]),
                    cast(:sale_stores as uuid[]), cast(:sale_products as uuid[]),
                    cast(:sale_units as int[]), cast(:sale_orders as text[]),
                    cast(:sale_actors as uuid[]))
            as sale (id, company, store, product, units, reference, actor)
    )"""


def create_missing_sql(source: str) -> str:
    """The statement that creates the stock rows of `source` (store, product, company) with 0 units.

    Existing rows are neither locked nor changed.
    """
    return _CREATE_MISSING.format(source=source)


def set_on_hand_sql(source: str, reason: StockMovementReason) -> str:
    """The statement that sets on_hand of the locked rows of `source` and writes their ledger rows.

    `source` selects store_id, product_id, target and delta (never 0); units of batches do not
    change. Parameters: `reference` and `actor`. Returns the changed rows.
    """
    return _SET_ON_HAND.format(source=source, new_id=UUID7_SQL, reason=reason)


def reservation_statement(reservations: str, *, sales: bool = False) -> TextClause:
    """Prepare the statement that writes reservations and the counters they change.

    `reservations` is the insert or update of the reservations, returning a row for each. With
    `sales`, ledger rows of sold units are written too. Returns the number of reservations.
    """
    ledger = f", {_INSERT_SALES}" if sales else ""
    statement = _WRITE_RESERVATIONS.format(reservations=reservations, ledger=ledger)
    return prepared(text(statement))


_CREATE_MISSING_OF_STORE = prepared(
    text(
        create_missing_sql(
            "select cast(:store as uuid) as store_id, product_id,"
            " cast(:company as uuid) as company_id"
            " from unnest(cast(:products as uuid[])) as product_id"
        )
    )
)


async def create_missing_rows(
    session: AsyncSession, company_id: UUID, store_id: UUID, product_ids: Collection[UUID]
) -> None:
    """Create the stock rows that a store lacks; existing rows are neither locked nor changed."""
    if product_ids:
        parameters = {"store": store_id, "company": company_id, "products": list(product_ids)}
        await session.execute(_CREATE_MISSING_OF_STORE, parameters)


def record_movement(
    session: AsyncSession,
    row: StockLevel,
    cause: MovementCause,
    delta: int = 0,
    *,
    unsellable_delta: int = 0,
    incoming_delta: int = 0,
    batch: StockBatch | None = None,
    batch_delta: int = 0,
) -> StockMovement:
    """Change the counters of a locked row and of one of its batches, and add the ledger row.

    `delta` changes on_hand, `batch_delta` the batch's on_hand; `unsellable_delta` changes both the
    row and the batch.
    """
    row.on_hand += delta
    row.unsellable += unsellable_delta
    row.incoming += incoming_delta
    if delta or unsellable_delta or incoming_delta:
        row.version += 1
    if batch is not None:
        batch.on_hand += batch_delta
        batch.unsellable += unsellable_delta
    entry = StockMovement(
        company_id=row.company_id,
        store_id=row.store_id,
        product_id=row.product_id,
        on_hand_delta=delta,
        unsellable_delta=unsellable_delta,
        incoming_delta=incoming_delta,
        batch_id=None if batch is None else batch.id,
        batch_delta=batch_delta,
        reason=cause.reason,
        reference=cause.reference,
        actor_id=cause.actor_id,
    )
    session.add(entry)
    return entry


async def write_reservations(
    session: AsyncSession,
    statement: TextClause,
    parameters: Mapping[str, Any],
    counters: Mapping[StockKey, LockedCounters],
    expected_count: int,
) -> None:
    """Execute a `reservation_statement` and record the event of each store whose stock changed.

    `counters` are the locked rows in the order of (store, product). Raises RuntimeError, so that
    the transaction is rolled back, unless `expected_count` reservations were written.
    """
    changed = {key: row for key, row in counters.items() if row.reserved_delta}
    deltas = {
        "stores": [store for store, _ in changed],
        "products": [product for _, product in changed],
        "reserved": [row.reserved_delta for row in changed.values()],
        "sold": [row.sold_units for row in changed.values()],
    }
    written = await session.scalar(statement, {**deltas, **parameters})
    if written != expected_count:
        # The counters would not match the reservations: roll everything back.
        raise RuntimeError(f"{written} of {expected_count} reservations could be written")
    for store_id, items in groupby(changed.items(), lambda item: item[0][0]):
        rows = list(items)
        changes = [_reserved_change(product_id, row) for (_, product_id), row in rows]
        _publish(session, store_id, rows[0][1].company_id, changes)


def publish_stock_changed(session: AsyncSession, rows: Iterable[Any]) -> None:
    """Record the STOCK_CHANGED event of rows of one store: Stock, or rows with its columns."""
    changed = sorted(rows, key=lambda row: row.product_id)
    if changed:
        changes = [
            _change(
                row.product_id, row.on_hand, row.reserved, row.version, row.unsellable, row.incoming
            )
            for row in changed
        ]  # fmt: skip
        _publish(session, changed[0].store_id, changed[0].company_id, changes)


def _publish(
    session: AsyncSession, store_id: UUID, company_id: UUID, changes: list[dict[str, Any]]
) -> None:
    stream, body = inventory_stream(store_id), {"changes": changes}
    record_event(session, stream, "STOCK_CHANGED", body, company_id=company_id)


def _reserved_change(product_id: UUID, row: LockedCounters) -> dict[str, Any]:
    on_hand, held = row.on_hand - row.sold_units, row.held + row.reserved_delta
    return _change(product_id, on_hand, held, row.version + 1, row.damaged, row.incoming)


def _change(
    product_id: UUID, on_hand: int, held: int, version: int, damaged: int, incoming: int
) -> dict[str, Any]:
    """The state of one stock row after a change, in the body of the event."""
    return {
        "product_id": str(product_id),
        "on_hand": on_hand,
        "held": held,
        "version": version,
        "damaged": damaged,
        "incoming": incoming,
    }
