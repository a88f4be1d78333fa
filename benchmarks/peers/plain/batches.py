"""The statements that all peers send, and one request's DataLoaders over them."""

import re
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import strawberry
from strawberry.dataloader import DataLoader

TEXT = (Path(__file__).parents[1] / "servers" / "statements.sql").read_text()
STATEMENTS = {
    part.split("\n", 1)[0].strip(): part.split("\n", 1)[1].strip()
    for part in re.split(r"^-- name: ", TEXT, flags=re.MULTILINE)[1:]
}
Rows = list[Any]
Read = Callable[..., Awaitable[Rows]]


class Batches:
    """One request's loaders."""

    def __init__(self, read: Read) -> None:
        self.read = read
        self.brand = self._one("brands", "id")
        self.category = self._one("categories", "id")
        self.store = self._one("stores", "id")
        self.lines = self._many("lines", "order_id")
        self.payment = self._one("payments", "order_id")
        self.fulfillment = self._one("fulfillments", "order_id")
        self.delivery = self._one("deliveries", "order_id")
        self.position = self._one("positions", "rider_id")
        self.events = self._many("events", "stream")
        self.units: DataLoader[tuple[Any, Any], int] = DataLoader(self._units)

    def _one(self, name: str, column: str) -> DataLoader[Any, Any]:
        async def load(keys: Sequence[Any]) -> list[Any]:
            found = {row[column]: row for row in await self.read(name, keys)}
            return [found.get(key) for key in keys]

        return DataLoader(load)

    def _many(self, name: str, column: str) -> DataLoader[Any, Any]:
        async def load(keys: Sequence[Any]) -> list[Any]:
            found: dict[Any, Rows] = {key: [] for key in keys}
            for row in await self.read(name, keys):
                found[row[column]].append(row)
            return [found[key] for key in keys]

        return DataLoader(load)

    async def _units(self, keys: Sequence[tuple[Any, Any]]) -> list[int]:
        stores, products = zip(*keys, strict=True)
        rows = await self.read("stock", stores, products)
        found = {row["product_id"]: row["units"] for row in rows}
        return [found.get(product, 0) for product in products]


def of(info: strawberry.Info) -> Batches:
    found: Batches = info.context["batches"]
    return found
