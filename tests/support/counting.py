"""People who count a store, and what they do."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest

from database.scope import PLATFORM
from database.sessions import Database
from models.counting import StockCount, StockCountStatus
from models.identity import Actor, Grant, Role
from models.stock import Stock
from services.core.problems import Problem, Refused
from services.counting import count_opening, count_queries, stock_counts
from services.counting.count_opening import Choice
from tests.support.city import City
from tests.support.customers import people
from tests.support.paid_orders import Doors, opened, working

S = StockCountStatus


@dataclass
class Team:
    """Two who count in the near store, and their manager."""

    doors: Doors
    city: City
    one: Actor
    other: Actor
    manager: Actor

    @property
    def database(self) -> Database:
        return self.doors.database

    async def do(self, verb: Any, actor: Actor, **given: Any) -> StockCount:
        async with working(self.database, actor, self.city.company.id) as session:
            row: StockCount = await verb(session, actor=actor, **given)
        return row

    async def start(self, *products: int, **more: Any) -> StockCount:
        keys = tuple(self.product(nth) for nth in products) if products else None
        choice = more.get("choice", Choice(product_ids=keys))
        return await self.do(
            count_opening.start, self.one, store_id=self.city.near.id, choice=choice
        )

    async def count(self, row: StockCount, nth: int, units: int, by: Actor | None = None) -> None:
        given = {"count_id": row.id, "product_id": self.product(nth), "counted": units}
        await self.do(stock_counts.set_line, by or self.one, **given)

    async def submit(self, row: StockCount, **more: Any) -> StockCount:
        return await self.do(stock_counts.submit, self.one, count_id=row.id, **more)

    async def approve(self, row: StockCount, **more: Any) -> StockCount:
        return await self.do(stock_counts.approve, self.manager, count_id=row.id, **more)

    def product(self, nth: int) -> UUID:
        return self.city.products[nth].id

    async def on_hand(self, nth: int) -> int:
        async with self.database.read(PLATFORM) as session:
            return (await session.get_one(Stock, (self.city.near.id, self.product(nth)))).on_hand

    async def seen(self, row: StockCount, **more: Any) -> list[count_queries.SeenLine]:
        async with self.database.read(self.one.scope()) as session:
            page = await count_queries.lines(
                session, actor=self.one, count_id=row.id, first=100, cursor=None,
                only=more.get("only"),
            )  # fmt: skip
        return page.nodes


@asynccontextmanager
async def gathered(database: Database, city: City) -> AsyncIterator[Team]:
    """Two of the near store's staff, and its manager."""
    here = (city.company.id, city.near.id)
    one, other = await people(database, 2, Grant(Role.STORE_STAFF, *here))
    (manager,) = await people(database, 1, Grant(Role.STORE_MANAGER, *here))
    async with opened(database) as doors:
        yield Team(doors, city, one, other, manager)


async def against(work: Any) -> Problem:
    with pytest.raises(Refused) as caught:
        await work
    return caught.value.reasons[0]
