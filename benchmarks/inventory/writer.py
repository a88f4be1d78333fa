"""Somebody who changes a shelf so many times a second, and notes when each change was committed."""

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from models import PLATFORM, Product, StockReason
from models.database import Database, Hint, Origin
from models.ids import encode
from services import stock
from services.product import LOW_UNITS

ORIGIN = Origin("benchmark:inventory")
SHELF_UNITS = 12
AT_ONCE = 8


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
    """Writes to one store, and notes every change."""

    database: Database
    store_id: UUID
    product_ids: Sequence[UUID]
    chance: random.Random
    _noted: list[Write] = field(default_factory=list)

    async def start(self) -> None:
        """Give every product its units, and listen to what this process commits."""
        announce = self.database.announce

        async def noted(hints: Sequence[Hint]) -> None:
            at = time.perf_counter()
            for hint in hints:
                self._note(hint, at)
            await announce(hints)

        for product_id in self.product_ids:
            await self._write(product_id)
        self.database.announce = noted

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
        """A count of the shelf: the units are others, the ledger says why."""
        async with self.database.write(PLATFORM, ORIGIN) as session:
            row = (await stock.lock(session, [self.store_id], [product_id]))[self.store_id][
                product_id
            ]
            units = row.held + self.chance.choice(
                [n for n in range(SHELF_UNITS) if row.held + n != row.on_hand]
            )
            delta = units - row.on_hand
            stock.change(session, row, delta, StockReason.ADJUSTMENT, "benchmark", None)
            await session.flush()
            stock.announce(session, [row])

    def _note(self, hint: Hint, at: float) -> None:
        for change in hint.body["changes"]:
            product_id = encode(Product, UUID(change["product_id"]))
            band = band_of(change["on_hand"] - change["held"])
            self._noted.append(Write(hint.seq, product_id, at, band))

    def journal(self) -> list[Write]:
        """Every change in the order of the log, and whether strangers can tell it."""
        bands: dict[str, str] = {}
        found = []
        for one in sorted(self._noted, key=lambda write: write.seq):
            found.append(replace(one, band_changed=bands.get(one.product_id) != one.band))
            bands[one.product_id] = one.band
        return found


def band_of(available: int) -> str:
    """What strangers are told of so many units."""
    return "OUT" if available <= 0 else "LOW" if available <= LOW_UNITS else "IN_STOCK"
