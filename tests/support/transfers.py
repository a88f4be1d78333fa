"""Two stores that transfer goods, and their managers."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from database.scope import PLATFORM
from database.sessions import Database
from models.identity import Actor, Grant, Role
from models.stock import StockLevel
from models.stores import Store
from models.transfers import StockTransfer, StockTransferAction, StockTransferStatus
from services.core.problems import DomainError, Problem
from services.transfers import transfers
from services.transfers.transfer_lines import LineQuantity
from tests.support.city import City
from tests.support.customers import create_people
from tests.support.paid_orders import write_as

S = StockTransferStatus
A = StockTransferAction
SOON, LATER = (datetime.now(UTC).date() + timedelta(days=days) for days in (3, 9))


@dataclass
class TransferStores:
    """Two stores with a manager each: `city.near` is the source, `city.next` the destination."""

    database: Database
    city: City
    source_manager: Actor
    destination_manager: Actor

    async def run(self, step: Any, actor: Actor, **arguments: Any) -> StockTransfer:
        async with write_as(self.database, actor, self.city.company.id) as session:
            row: StockTransfer = await step(session, actor=actor, **arguments)
        return row

    async def request(self, *quantities: int) -> StockTransfer:
        lines = [LineQuantity(self.product(nth), units) for nth, units in enumerate(quantities)]
        stores = {"source_id": self.city.near.id, "destination_id": self.city.next.id}
        return await self.run(transfers.request, self.destination_manager, lines=lines, **stores)

    async def ship(self, *quantities: int) -> StockTransfer:
        row = await self.request(*quantities)
        await self.run(transfers.approve, self.source_manager, transfer_id=row.id)
        return await self.run(transfers.ship, self.source_manager, transfer_id=row.id)

    def product(self, nth: int) -> UUID:
        return self.city.products[nth].id

    async def counters(self, store: Store, nth: int) -> tuple[int, int, int]:
        """The counters on_hand, damaged and incoming."""
        async with self.database.read(PLATFORM) as session:
            row = await session.get_one(StockLevel, (store.id, self.product(nth)))
            return row.on_hand, row.unsellable, row.incoming


async def transfer_stores(database: Database, city: City) -> TransferStores:
    """The city's two nearest stores, with a manager each."""
    source_manager = await store_manager(database, city.near)
    destination_manager = await store_manager(database, city.next)
    return TransferStores(database, city, source_manager, destination_manager)


async def store_manager(database: Database, store: Store) -> Actor:
    grant = Grant(Role.STORE_MANAGER, store.company_id, store.id)
    return (await create_people(database, 1, grant))[0]


async def refusal_of(work: Any) -> Problem:
    """The one problem with which a call is refused."""
    with pytest.raises(DomainError) as caught:
        await work
    (problem,) = caught.value.problems
    return problem
