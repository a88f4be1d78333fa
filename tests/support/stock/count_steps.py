"""Steps of people who count the shelf, and of files of totals, in random stories of units."""

import tempfile
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from sqlalchemy import func, select

from database.scope import PLATFORM
from models.counting import StockCount, StockCountLine
from models.fulfillment import Fulfillment, FulfillmentLine, FulfillmentLineStatus
from models.imports import StockImportStatus
from models.stock import StockLevel, StockMovement, StockMovementReason
from services.core.problems import DomainError
from services.counting import count_opening, stock_counts
from services.counting.count_opening import CountSelection
from services.stock.picked_batches import UNPICKED_STATUSES
from tests.support.customers import product_id
from tests.support.paid_orders import write_as
from tests.support.stock.import_runner import ImportRunner, stock_file
from tests.support.stock.store_steps import StoreSteps

COUNTED = (0, 1)
"""The products that are counted, by their number."""


@dataclass
class CountSteps(StoreSteps):
    """A count of two products in the nearest store at a time, and files of one total."""

    active: StockCount | None = None
    stolen: Counter[UUID] = field(default_factory=Counter)
    lost: Counter[UUID] = field(default_factory=Counter)
    """By product, at the time of the count: what it misses, and what pickers had not found."""
    imported: Counter[UUID] = field(default_factory=Counter)
    """By product: the units that files have taken off the books since the count."""

    async def count(self, first: int, second: int) -> None:
        """Count, of each product up to two units fewer than there should be, or decide."""
        if self.active is not None:
            await self.decide_count()
            return
        store, staff = self.city.near, self.staff[self.city.near.id]
        selection = CountSelection(product_ids=tuple(product_id(self.city, n) for n in COUNTED))
        async with write_as(self.database, staff, store.company_id) as session:
            self.active = await count_opening.start(
                session, actor=staff, store_id=store.id, selection=selection
            )
        self.lost, self.imported = await self._lost_units(), Counter()
        for number, missing in zip(COUNTED, (first % 3, second % 3), strict=True):
            key = product_id(self.city, number)
            there = await self._units_on_shelf(key)
            self.stolen[key] = min(missing, there)
            async with write_as(self.database, staff, store.company_id) as session:
                await stock_counts.set_line(
                    session, actor=staff, count_id=self.active.id,
                    counted=there - self.stolen[key], product_id=key,
                )  # fmt: skip
                of_product = StockCountLine.product_id == key, StockCountLine.live
                expected = select(StockCountLine.expected).where(*of_product)
                assert await session.scalar(expected) == there
        async with write_as(self.database, staff, store.company_id) as session:
            await stock_counts.submit(session, actor=staff, count_id=self.active.id)

    async def decide_count(self) -> None:
        """Approve the count: what it misses is lost, unless others have lost it since then."""
        if self.active is None:
            return
        count, self.active = self.active, None
        lost = await self._lost_units()
        with suppress(DomainError):  # units are reserved or sold since: it can't be approved now
            async with write_as(self.database, self.admin, count.company_id) as session:
                await stock_counts.approve(session, actor=self.admin, count_id=count.id)
            changed = await self._written_off(count)
            for key, stolen in self.stolen.items():
                found_out = max(0, lost[key] - self.lost[key]) + self.imported[key]
                assert -stolen <= changed[key] <= -max(0, stolen - found_out)
            return
        async with write_as(self.database, self.admin, count.company_id) as session:
            await stock_counts.cancel(session, actor=self.admin, count_id=count.id)

    async def import_total(self, first: int, second: int) -> None:
        """A file has one unit more or fewer of a product, or as many as there are."""
        number = first % 2
        key = (self.city.near.id, product_id(self.city, number))
        async with self.database.read(PLATFORM) as session:
            on_hand = (await session.get_one(StockLevel, key)).on_hand
        total = max(0, on_hand + second % 3 - 1)
        with tempfile.TemporaryDirectory() as folder:
            runner = ImportRunner(self.database, self.city, self.admin, Path(folder))
            row = await runner.run(stock_file(f"S1,P00{number + 1},{total}"))
            if row.status is StockImportStatus.COMPLETED:
                assert await runner.on_hand(number) == [total]
                self.imported[key[1]] += max(0, on_hand - total)

    async def _units_on_shelf(self, key: UUID) -> int:
        """Units for sale, and those of orders that nobody has picked or looked for."""
        store_id = self.city.near.id
        async with self.database.read(PLATFORM) as session:
            on_hand = (await session.get_one(StockLevel, (store_id, key))).on_hand
            unpicked = select(
                func.sum(FulfillmentLine.quantity - FulfillmentLine.picked_quantity)
            ).join(Fulfillment, Fulfillment.id == FulfillmentLine.fulfillment_id)
            of_product = unpicked.where(
                Fulfillment.store_id == store_id,
                Fulfillment.status.in_(UNPICKED_STATUSES),
                FulfillmentLine.product_id == key,
                FulfillmentLine.status == FulfillmentLineStatus.PENDING,
            )
            return on_hand + int(await session.scalar(of_product) or 0)

    async def _lost_units(self) -> Counter[UUID]:
        """Units that pickers of the nearest store have not found, in all tasks, by product."""
        units: Counter[UUID] = Counter()
        async with self.database.read(PLATFORM) as session:
            of_store = FulfillmentLine.store_id == self.city.near.id
            for line in await session.scalars(select(FulfillmentLine).where(of_store)):
                units[line.product_id] += line.units.lost
        return units

    async def _written_off(self, count: StockCount) -> Counter[UUID]:
        """By how many units a count has changed the books, and the variance that it kept."""
        changed: Counter[UUID] = Counter()
        async with self.database.read(PLATFORM) as session:
            of_count = StockMovement.reference == str(count.id)
            for row in await session.scalars(select(StockMovement).where(of_count)):
                assert row.reason is StockMovementReason.COUNT
                changed[row.product_id] += row.on_hand_delta
            lines = select(StockCountLine).where(StockCountLine.count_id == count.id)
            for line in await session.scalars(lines):
                assert line.variance == changed[line.product_id]
        return changed
