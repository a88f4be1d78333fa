"""Two counters of a store and its manager, and their steps of a stock count."""

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
from models.stock import StockLevel
from services.core.problems import DomainError, Problem
from services.counting import count_opening, count_queries, stock_counts
from services.counting.count_opening import CountSelection
from tests.support.city import City
from tests.support.customers import create_people
from tests.support.paid_orders import OrderDependencies, order_dependencies, write_as

S = StockCountStatus


@dataclass
class CountingTeam:
    """Two staff members of the near store who count, and their manager."""

    dependencies: OrderDependencies
    city: City
    first_counter: Actor
    second_counter: Actor
    manager: Actor

    @property
    def database(self) -> Database:
        return self.dependencies.database

    async def run(self, step: Any, actor: Actor, **arguments: Any) -> StockCount:
        async with write_as(self.database, actor, self.city.company.id) as session:
            row: StockCount = await step(session, actor=actor, **arguments)
        return row

    async def start(self, *products: int, **more: Any) -> StockCount:
        keys = tuple(self.product(nth) for nth in products) if products else None
        selection = more.get("selection", CountSelection(product_ids=keys))
        store_id = self.city.near.id
        return await self.run(
            count_opening.start, self.first_counter, store_id=store_id, selection=selection
        )

    async def count(self, row: StockCount, nth: int, units: int, by: Actor | None = None) -> None:
        line = {"count_id": row.id, "product_id": self.product(nth), "counted": units}
        await self.run(stock_counts.set_line, by or self.first_counter, **line)

    async def submit(self, row: StockCount, **more: Any) -> StockCount:
        return await self.run(stock_counts.submit, self.first_counter, count_id=row.id, **more)

    async def approve(self, row: StockCount, **more: Any) -> StockCount:
        return await self.run(stock_counts.approve, self.manager, count_id=row.id, **more)

    def product(self, nth: int) -> UUID:
        return self.city.products[nth].id

    async def on_hand(self, nth: int) -> int:
        async with self.database.read(PLATFORM) as session:
            return (
                await session.get_one(StockLevel, (self.city.near.id, self.product(nth)))
            ).on_hand

    async def visible_lines(
        self, row: StockCount, **more: Any
    ) -> list[count_queries.VisibleCountLine]:
        async with self.database.read(self.first_counter.scope()) as session:
            page = await count_queries.list_lines(
                session, actor=self.first_counter, count_id=row.id, first=100, cursor=None,
                line_filter=more.get("line_filter"),
            )  # fmt: skip
        return page.nodes


@asynccontextmanager
async def counting_team(database: Database, city: City) -> AsyncIterator[CountingTeam]:
    """Two of the near store's staff, and its manager."""
    store = (city.company.id, city.near.id)
    first, second = await create_people(database, 2, Grant(Role.STORE_STAFF, *store))
    (manager,) = await create_people(database, 1, Grant(Role.STORE_MANAGER, *store))
    async with order_dependencies(database) as dependencies:
        yield CountingTeam(dependencies, city, first, second, manager)


async def refusal_of(work: Any) -> Problem:
    """The first problem with which a call is refused."""
    with pytest.raises(DomainError) as caught:
        await work
    return caught.value.problems[0]
