"""The books against the shelf: every counter recomputed from what led to it."""

import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from uuid import UUID

from sqlalchemy import func, literal, or_, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from models.stock import StockAudit
from models.stores import Store
from services.core.clock import moment
from services.events.event_log import audit_stream, happened

log = logging.getLogger("darkstore.stock")

AUDIT_HOURS = 24
AUDIT_SECONDS = 25
DIFFERENCES_TOLD = 100


@dataclass(frozen=True, slots=True)
class Difference:
    """A counter that its books do not explain: what it says, and what the books say.

    `counter` is on_hand, damaged, incoming (each by the ledger) or held (by the live holds) of a
    product in a store; batch_on_hand or batch_damaged of one of its batches, by the ledger; or
    batches, when more units are of batches than are on the shelf: then `books` is what is there,
    sold units that are not picked yet among them.
    """

    store_id: UUID
    product_id: UUID
    counter: str
    says: int
    books: int
    batch: str | None = None

    def __str__(self) -> str:
        of = f" of batch {self.batch}" if self.batch else ""
        where = f"store {self.store_id}, product {self.product_id}"
        return f"{where}: {self.counter}{of} is {self.says}, the books say {self.books}"


# Statuses in which bags are open: the sold units that are not picked yet stand on the shelf.
UNPICKED = """
    select line.store_id, line.product_id,
        sum(greatest(line.quantity - line.picked_quantity - line.damaged_quantity, 0)) as units
    from fulfillment task join fulfillment_line line on line.fulfillment_id = task.id
    where task.status in ('QUEUED', 'ACCEPTED', 'PICKING', 'AWAITING_SUBSTITUTION')
        and (cast(:store as uuid) is null or task.store_id = :store)
    group by 1, 2
"""
CONSERVATION = text(
    f"""
    with ledger as (
        select store_id, product_id, sum(delta) as on_hand, sum(damaged_delta) as damaged,
            sum(incoming_delta) as incoming
        from stock_entry where cast(:store as uuid) is null or store_id = :store group by 1, 2
    ), promised as (
        select store_id, product_id, sum(quantity) as held from hold
        where status = 'HELD' and (cast(:store as uuid) is null or store_id = :store) group by 1, 2
    ), unpicked as ({UNPICKED}
    ), batched as (
        select store_id, product_id, sum(on_hand) as units from stock_batch
        where cast(:store as uuid) is null or store_id = :store group by 1, 2
    ), shelf as (
        select * from stock where cast(:store as uuid) is null or store_id = :store
    ), place as (
        select store_id, product_id, s.on_hand, s.damaged, s.incoming, s.held,
            l.on_hand as l_on_hand, l.damaged as l_damaged, l.incoming as l_incoming,
            p.held as p_held, coalesce(b.units, 0) as batches, coalesce(u.units, 0) as unpicked
        from shelf s
        full join ledger l using (store_id, product_id)
        full join promised p using (store_id, product_id)
        full join unpicked u using (store_id, product_id)
        full join batched b using (store_id, product_id)
    ), compared as (
        select store_id, product_id, counter, coalesce(says, 0) as says,
            coalesce(books, 0) as books, null as batch
        from place cross join lateral (values
            ('on_hand', on_hand, l_on_hand), ('damaged', damaged, l_damaged),
            ('incoming', incoming, l_incoming), ('held', held, p_held)
        ) as one (counter, says, books)
        where coalesce(says, 0) <> coalesce(books, 0)
        union all
        select store_id, product_id, 'batches', batches, coalesce(on_hand, 0) + unpicked, null
        from place where batches > coalesce(on_hand, 0) + unpicked
        union all
        select b.store_id, b.product_id, counter, says, books, b.code
        from stock_batch b left join (
            select batch_id, sum(batch_delta) as on_hand, sum(damaged_delta) as damaged
            from stock_entry where batch_id is not null
                and (cast(:store as uuid) is null or store_id = :store)
            group by 1
        ) e on e.batch_id = b.id
        cross join lateral (values
            ('batch_on_hand', b.on_hand, coalesce(e.on_hand, 0)),
            ('batch_damaged', b.damaged, coalesce(e.damaged, 0))
        ) as one (counter, says, books)
        where says <> books and (cast(:store as uuid) is null or b.store_id = :store)
    )
    select store_id, product_id, counter, says, books, batch from compared
    order by store_id, product_id, counter, batch
    """  # noqa: S608 - one constant within another
)


async def conservation(session: AsyncSession, store_id: UUID | None = None) -> list[Difference]:
    """Every counter of a store, or of all that may be seen, that its books do not explain.

    Empty means that no unit was made or lost. One statement, so one snapshot.
    """
    rows = await session.execute(CONSERVATION, {"store": store_id})
    return [
        Difference(store, product, counter, int(says), int(books), batch)
        for store, product, counter, says, books, batch in rows
    ]


async def audit(session: AsyncSession, store_id: UUID) -> list[Difference]:
    """As `conservation` of one store, with the time that a long ledger takes."""
    limit = f"{AUDIT_SECONDS}s"
    await session.execute(select(func.set_config("statement_timeout", limit, True)))
    return await conservation(session, store_id)


async def stores(session: AsyncSession) -> Sequence[UUID]:
    """Every store that may be seen."""
    return (await session.scalars(select(Store.id).order_by(Store.id))).all()


async def audit_next(session: AsyncSession) -> int:
    """Audit the store that waits the longest for it, each once in AUDIT_HOURS; answers how many.

    What is found is written to the log and told on the store's audit stream.
    """
    everyone = select(Store.id, Store.company_id, literal(0))
    columns = ["store_id", "company_id", "differences"]
    made = insert(StockAudit).from_select(columns, everyone).on_conflict_do_nothing()
    await session.execute(made)
    ago = func.clock_timestamp() - func.make_interval(0, 0, 0, 0, AUDIT_HOURS)
    row = await session.scalar(
        select(StockAudit)
        .where(or_(StockAudit.audited_at.is_(None), StockAudit.audited_at < ago))
        .order_by(StockAudit.audited_at.nulls_first(), StockAudit.store_id)
        .limit(1)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )
    if row is None:
        return 0
    found = await audit(session, row.store_id)
    row.audited_at, row.differences = await moment(session), len(found)
    if found:
        _tell(session, row, found)
    return 1


def _tell(session: AsyncSession, row: StockAudit, found: Sequence[Difference]) -> None:
    for one in found:
        log.error("%s", one)
    told = [{k: str(v) if isinstance(v, UUID) else v for k, v in asdict(one).items()}
            for one in found[:DIFFERENCES_TOLD]]  # fmt: skip
    body = {"store_id": row.store_id, "count": len(found), "differences": told}
    stream = audit_stream(row.store_id)
    happened(session, stream, "STOCK_DIFFERS", body, company_id=row.company_id)
