"""The storefront's types."""

import re
from typing import Any

import strawberry
from strawberry.types.scalar import ScalarDefinition

from benchmarks.peers.operations import LOW_UNITS, public
from benchmarks.peers.plain.batches import of


class Big(int):
    """A whole number past 32 bits."""


BIG: dict[object, ScalarDefinition] = {
    Big: strawberry.scalar(name="SafeInt", serialize=int, parse_value=int)
}


@strawberry.type
class Money:
    minor_units: Big
    currency: str


@strawberry.type
class Brand:
    name: str


@strawberry.type
class Category:
    id: strawberry.ID
    slug: str
    name: str
    row: strawberry.Private[Any]
    place: strawberry.Private[Any] = None

    @strawberry.field
    async def products(self, info: strawberry.Info, first: int) -> "ProductConnection | None":
        rows = await of(info).read("page", self.place["id"], self.row["id"], first)
        return ProductConnection(nodes=[product(row, self.place) for row in rows])


def category(row: Any, place: Any = None) -> Category:
    return Category(
        id=strawberry.ID(public("cat", row["id"])), slug=row["slug"], name=row["name"],
        row=row, place=place,
    )  # fmt: skip


@strawberry.type
class Product:
    id: strawberry.ID
    sku: str
    name: str
    promotion_label: str
    price: Money | None
    row: strawberry.Private[Any]

    @strawberry.field
    async def brand(self, info: strawberry.Info) -> Brand | None:
        row = await of(info).brand.load(self.row["brand_id"])
        return Brand(name=row["name"]) if row else None

    @strawberry.field
    async def category(self, info: strawberry.Info) -> Category:
        return category(await of(info).category.load(self.row["category_id"]))

    @strawberry.field
    async def availability(self, info: strawberry.Info) -> str | None:
        units = await of(info).units.load((self.row["store_id"], self.row["id"]))
        if units <= 0 or not self.row["available"]:
            return "OUT_OF_STOCK"
        return "LOW_STOCK" if units <= LOW_UNITS else "IN_STOCK"


def product(row: Any, place: Any) -> Product:
    return Product(
        id=strawberry.ID(public("prd", row["id"])), sku=row["code"], name=row["name"],
        promotion_label=row["promotion_label"], row=row,
        price=Money(minor_units=row["price_minor"], currency=place["currency"]),
    )  # fmt: skip


@strawberry.type
class ProductConnection:
    nodes: list[Product]


@strawberry.type
class Store:
    id: strawberry.ID
    name: str


def store(row: Any) -> Store:
    return Store(id=strawberry.ID(public("sto", row["id"])), name=row["name"])


@strawberry.input
class GeoPointInput:
    latitude: float
    longitude: float


@strawberry.type
class Storefront:
    store: Store | None
    place: strawberry.Private[Any]

    @strawberry.field
    async def category(self, info: strawberry.Info, slug: str) -> Category | None:
        rows = await of(info).read("category", self.place["company_id"], slug)
        return category(rows[0], self.place) if rows else None

    @strawberry.field
    async def search(
        self, info: strawberry.Info, query: str, first: int
    ) -> ProductConnection | None:
        words = " & ".join(f"'{word}'" for word in re.findall(r"\w+", query.lower()))
        rows = await of(info).read("search", self.place["id"], f"{words}:*", first)
        return ProductConnection(nodes=[product(row, self.place) for row in rows])
