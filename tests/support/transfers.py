"""Two stores between which goods go, and their managers."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from database.scope import PLATFORM
from database.sessions import Database
from models.identity import Actor, Grant, Role
from models.stock import Stock
from models.stores import Store
from models.transfers import Transfer, TransferAction, TransferStatus
from services.core.problems import Problem, Refused
from services.transfers import transfers
from services.transfers.transfer_lines import Wanted
from tests.support.city import City
from tests.support.customers import people
from tests.support.paid_orders import working

S = TransferStatus
A = TransferAction
SOON, LATER = (datetime.now(UTC).date() + timedelta(days=days) for days in (3, 9))


@dataclass
class Yard:
    """Two stores of a company with a manager each: `near` gives, `next` gets."""

    database: Database
    city: City
    giver: Actor
    getter: Actor

    async def do(self, verb: Any, actor: Actor, **given: Any) -> Transfer:
        async with working(self.database, actor, self.city.company.id) as session:
            row: Transfer = await verb(session, actor=actor, **given)
        return row

    async def asked(self, *quantities: int) -> Transfer:
        lines = [Wanted(self.product(nth), units) for nth, units in enumerate(quantities)]
        ends = {"source_id": self.city.near.id, "destination_id": self.city.next.id}
        return await self.do(transfers.request, self.getter, lines=lines, **ends)

    async def shipped(self, *quantities: int) -> Transfer:
        row = await self.asked(*quantities)
        await self.do(transfers.approve, self.giver, transfer_id=row.id)
        return await self.do(transfers.ship, self.giver, transfer_id=row.id)

    def product(self, nth: int) -> UUID:
        return self.city.products[nth].id

    async def counters(self, store: Store, nth: int) -> tuple[int, int, int]:
        """on_hand, damaged and incoming."""
        async with self.database.read(PLATFORM) as session:
            row = await session.get_one(Stock, (store.id, self.product(nth)))
            return row.on_hand, row.damaged, row.incoming


async def opened_yard(database: Database, city: City) -> Yard:
    """A manager for each of the city's nearest two stores."""
    near, there = await manager(database, city.near), await manager(database, city.next)
    return Yard(database, city, near, there)


async def manager(database: Database, store: Store) -> Actor:
    return (await people(database, 1, Grant(Role.STORE_MANAGER, store.company_id, store.id)))[0]


async def against(work: Any) -> Problem:
    with pytest.raises(Refused) as caught:
        await work
    (reason,) = caught.value.reasons
    return reason
