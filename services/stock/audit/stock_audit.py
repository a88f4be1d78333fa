"""Audits stock: recomputes every counter from the ledger and the reservations, and compares.

What was sold to orders is compared with what their stores packed and charged (`order_audit`).
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import func, literal, or_, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from models.fulfillment import units_sql
from models.stock import StockAudit
from models.stores import Store
from services.core.clock import current_time
from services.events.event_log import audit_stream, record_event
from services.stock.audit.order_audit import FIND_ORDER_DIFFERENCES

log = logging.getLogger("darkstore.stock")

AUDIT_INTERVAL_HOURS = 24
AUDIT_TIMEOUT_SECONDS = 18
MAX_REPORTED_DIFFERENCES = 100


@dataclass(frozen=True, slots=True)
class StockDifference:
    """A counter whose value differs from the value computed from its records.

    `counter` is on_hand, damaged or incoming (computed from the ledger) or held (from active
    reservations) of a product in a store; batch_on_hand or batch_unsellable of a batch (from the
    ledger); or batches, when the batches have more units than the store: `expected` is then the
    units in the store, including sold units that are not picked yet. Those of an order (`order_id`)
    are in `order_audit`; its amounts of money are of no product.
    """

    store_id: UUID
    product_id: UUID | None
    counter: str
    actual: int
    expected: int
    batch: str | None = None
    order_id: str | None = None

    def __str__(self) -> str:
        of = f" of batch {self.batch}" if self.batch else ""
        of += f" of order {self.order_id}" if self.order_id else ""
        key = f"store {self.store_id}"
        key += f", product {self.product_id}" if self.product_id else ""
        return f"{key}: {self.counter}{of} is {self.actual}, expected {self.expected}"


# Until a fulfillment is packed, its sold units that are not picked yet are physically in stock.
UNPICKED = f"""
    select line.store_id, line.product_id, sum({units_sql("line").unpicked}) as units
    from fulfillment task join fulfillment_line line on line.fulfillment_id = task.id
    where task.status in ('QUEUED', 'ACCEPTED', 'PICKING', 'AWAITING_SUBSTITUTION')
        and (cast(:store as uuid) is null or task.store_id = :store)
    group by 1, 2
"""  # noqa: S608 - a constant within another
FIND_DIFFERENCES = text(
    f"""
    with ledger as (
        select store_id, product_id, sum(on_hand_delta) as on_hand,
            sum(unsellable_delta) as unsellable, sum(incoming_delta) as incoming
        from stock_entry where cast(:store as uuid) is null or store_id = :store group by 1, 2
    ), reserved as (
        select store_id, product_id, sum(quantity) as reserved from hold
        where status = 'HELD' and (cast(:store as uuid) is null or store_id = :store) group by 1, 2
    ), unpicked as ({UNPICKED}
    ), batched as (
        select store_id, product_id, sum(on_hand) as units from stock_batch
        where cast(:store as uuid) is null or store_id = :store group by 1, 2
    ), counters as (
        select * from stock where cast(:store as uuid) is null or store_id = :store
    ), stock_level as (
        select store_id, product_id, s.on_hand, s.unsellable, s.incoming, s.reserved,
            l.on_hand as l_on_hand, l.unsellable as l_unsellable, l.incoming as l_incoming,
            r.reserved as r_reserved, coalesce(b.units, 0) as batches,
            coalesce(u.units, 0) as unpicked
        from counters s
        full join ledger l using (store_id, product_id)
        full join reserved r using (store_id, product_id)
        full join unpicked u using (store_id, product_id)
        full join batched b using (store_id, product_id)
    ), compared as (
        select store_id, product_id, counter, coalesce(actual, 0) as actual,
            coalesce(expected, 0) as expected, null as batch
        from stock_level cross join lateral (values
            ('on_hand', on_hand, l_on_hand), ('unsellable', unsellable, l_unsellable),
            ('incoming', incoming, l_incoming), ('reserved', reserved, r_reserved)
        ) as compared_counter (counter, actual, expected)
        where coalesce(actual, 0) <> coalesce(expected, 0)
        union all
        select store_id, product_id, 'batches', batches, coalesce(on_hand, 0) + unpicked, null
        from stock_level where batches > coalesce(on_hand, 0) + unpicked
        union all
        select b.store_id, b.product_id, counter, actual, expected, b.code
        from stock_batch b left join (
            select batch_id, sum(batch_delta) as on_hand, sum(unsellable_delta) as unsellable
            from stock_entry where batch_id is not null
                and (cast(:store as uuid) is null or store_id = :store)
            group by 1
        ) e on e.batch_id = b.id
        cross join lateral (values
            ('batch_on_hand', b.on_hand, coalesce(e.on_hand, 0)),
            ('batch_unsellable', b.unsellable, coalesce(e.unsellable, 0))
        ) as compared_counter (counter, actual, expected)
        where actual <> expected and (cast(:store as uuid) is null or b.store_id = :store)
    )
    select store_id, product_id, counter, actual, expected, batch from compared
    order by store_id, product_id, counter, batch
    """  # noqa: S608 - one constant within another
)


async def find_differences(
    session: AsyncSession, store_id: UUID | None = None
) -> list[StockDifference]:
    """Compare all counters of one store, or of all stores in scope; returns those that differ.

    One statement for the counters and one for the orders, so each is of one snapshot.
    """
    rows = [
        row
        for statement in (FIND_DIFFERENCES, FIND_ORDER_DIFFERENCES)
        for row in await session.execute(statement, {"store": store_id})
    ]
    return [
        StockDifference(store, product, counter, int(actual), int(expected), *named)
        for store, product, counter, actual, expected, *named in rows
    ]


async def audit_store(session: AsyncSession, store_id: UUID) -> list[StockDifference]:
    """`find_differences` of one store, with a statement timeout that allows for a long ledger."""
    limit = f"{AUDIT_TIMEOUT_SECONDS}s"
    await session.execute(select(func.set_config("statement_timeout", limit, True)))
    return await find_differences(session, store_id)


async def list_store_ids(session: AsyncSession) -> Sequence[UUID]:
    """The ids of all stores in scope."""
    return (await session.scalars(select(Store.id).order_by(Store.id))).all()


_IS_DUE = or_(
    StockAudit.audited_at.is_(None),
    StockAudit.audited_at
    < func.clock_timestamp() - func.make_interval(0, 0, 0, 0, AUDIT_INTERVAL_HOURS),
)
DUE_STORES = (
    select(Store.id)
    .outerjoin(StockAudit, StockAudit.store_id == Store.id)
    .where(_IS_DUE)
    .order_by(StockAudit.audited_at.nulls_first(), Store.id)
)
"""Stores without an audit in the last AUDIT_INTERVAL_HOURS, the longest unaudited first."""


async def audit_due(session: AsyncSession, store_id: UUID) -> int:
    """Audit a store unless another process just did; returns 1 or 0.

    Differences are logged and recorded on the store's audit stream.
    """
    new_store = select(Store.id, Store.company_id, literal(0)).where(Store.id == store_id)
    columns = ["store_id", "company_id", "differences"]
    add_new_store = insert(StockAudit).from_select(columns, new_store).on_conflict_do_nothing()
    await session.execute(add_new_store)
    audit = await session.scalar(
        select(StockAudit)
        .where(StockAudit.store_id == store_id, _IS_DUE)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )
    if audit is None:
        return 0
    differences = await audit_store(session, audit.store_id)
    audit.audited_at, audit.differences = await current_time(session), len(differences)
    if differences:
        _report(session, audit, differences)
    return 1


def _report(
    session: AsyncSession, audit: StockAudit, differences: Sequence[StockDifference]
) -> None:
    for difference in differences:
        log.error("%s", difference)
    reported = [_to_json(difference) for difference in differences[:MAX_REPORTED_DIFFERENCES]]
    body = {"store_id": audit.store_id, "count": len(differences), "differences": reported}
    stream = audit_stream(audit.store_id)
    record_event(session, stream, "STOCK_DIFFERS", body, company_id=audit.company_id)


def _to_json(difference: StockDifference) -> dict[str, Any]:
    """The difference with the keys of the event's body."""
    return {
        "store_id": str(difference.store_id),
        "product_id": difference.product_id and str(difference.product_id),
        "counter": difference.counter,
        "says": difference.actual,
        "books": difference.expected,
        "batch": difference.batch,
        "order_id": difference.order_id,
    }
