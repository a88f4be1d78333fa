"""Changes the stock of a store at a given rate and records when each change was committed."""

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from sqlalchemy import text

from database.announcer import EventNotice
from database.audit import AuditContext
from database.base import uuid7
from database.scope import PLATFORM
from database.sessions import Database
from database.statements import prepared
from models.catalog import Product
from models.ids import encode_id
from services.catalog.listed_products import LOW_STOCK_UNITS
from services.events.event_log import inventory_stream, record_event

ORIGIN = AuditContext("benchmark:inventory")
SHELF_UNITS = 12
AT_ONCE = 8
# One statement, so that the writer takes little CPU from what is measured.
COUNT = prepared(
    text(
        """
    with was as (
        select * from stock where store_id = :store and product_id = :product for no key update
    ), counted as (
        update stock set on_hand = was.reserved + :units, version = was.version + 1
        from was where stock.store_id = was.store_id and stock.product_id = was.product_id
        returning stock.on_hand, stock.reserved, stock.version, stock.company_id,
            was.reserved + :units - was.on_hand as on_hand_delta
    ), noted as (
        insert into stock_entry (id, company_id, store_id, product_id, on_hand_delta,
            unsellable_delta, incoming_delta, batch_delta, reason, reference)
        select :id, company_id, :store, :product, on_hand_delta, 0, 0, 0, 'ADJUSTMENT', 'benchmark'
        from counted where on_hand_delta <> 0
    )
    select on_hand, reserved, version, company_id from counted
    """
    )
)


@dataclass(frozen=True, slots=True)
class Write:
    """One committed change."""

    seq: int
    product_id: str
    at: float
    band: str
    band_changed: bool = True


@dataclass
class Writer:
    """Writes to one store and records every change."""

    database: Database
    store_id: UUID
    product_ids: Sequence[UUID]
    chance: random.Random
    _writes: list[Write] = field(default_factory=list)

    async def start(self) -> None:
        """Set the units of every product and subscribe to the commits of this process."""

        async def record(notices: Sequence[EventNotice]) -> None:
            at = time.perf_counter()
            for notice in notices:
                self._record(notice, at)

        self.database.announcer.subscribe(record)
        for product_id in self.product_ids:
            await self._write(product_id)

    async def write(self, per_second: float, seconds: float) -> None:
        """Change one product after another at this pace, whether or not the last one is done."""
        loop = asyncio.get_running_loop()
        room = asyncio.Semaphore(AT_ONCE)
        began = loop.time()

        async def one() -> None:
            async with room:
                await self._write(self.chance.choice(self.product_ids))

        async with asyncio.TaskGroup() as group:
            for number in range(int(per_second * seconds)):
                await asyncio.sleep(began + number / per_second - loop.time())
                group.create_task(one())

    async def _write(self, product_id: UUID) -> None:
        """Count the product: the units change, and the ledger has the reason."""
        given = {"units": self.chance.randrange(SHELF_UNITS), "id": uuid7()}
        place = {"store": self.store_id, "product": product_id}
        async with self.database.write(PLATFORM, ORIGIN) as session:
            row = (await session.execute(COUNT, given | place)).one()
            change = {"product_id": str(product_id), **row._mapping}
            company_id = change.pop("company_id")
            body = {"changes": [change]}
            stream = inventory_stream(self.store_id)
            record_event(session, stream, "STOCK_CHANGED", body, company_id=company_id)

    def _record(self, notice: EventNotice, at: float) -> None:
        for change in notice.body["changes"]:
            product_id = encode_id(Product, UUID(change["product_id"]))
            band = band_of(change["on_hand"] - change["reserved"])
            self._writes.append(Write(notice.seq, product_id, at, band))

    def journal(self) -> list[Write]:
        """Every change in the order of the log, and whether the availability changed."""
        bands: dict[str, str] = {}
        journal = []
        for one in sorted(self._writes, key=lambda write: write.seq):
            journal.append(replace(one, band_changed=bands.get(one.product_id) != one.band))
            bands[one.product_id] = one.band
        return journal


def band_of(available: int) -> str:
    """The availability that signed-out clients see for so many units."""
    if available <= 0:
        return "OUT_OF_STOCK"
    return "LOW_STOCK" if available <= LOW_STOCK_UNITS else "IN_STOCK"
