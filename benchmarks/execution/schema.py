"""Fifty products in the shapes a field can have: attributes, functions, coroutines, batches."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import strawberry
from strawberry.dataloader import DataLoader

T = TypeVar("T")

PRODUCTS = 50
BRANDS = 10


@dataclass(slots=True)
class MoneyRow:
    minor: int
    currency: str


@dataclass(slots=True)
class BrandRow:
    id: str
    name: str


@dataclass(slots=True)
class ProductRow:
    id: str
    name: str
    number: int
    stock: int
    price: MoneyRow
    brand: BrandRow


BRAND_ROWS = [BrandRow(str(n), f"brand {n}") for n in range(BRANDS)]
ROWS = [
    ProductRow(str(n), f"product {n}", n, n, MoneyRow(100 + n, "HKD"), BRAND_ROWS[n % BRANDS])
    for n in range(PRODUCTS)
]


class Loaders:
    """The loaders of one request: `load` for plain Strawberry, `load_many` for the executor."""

    def __init__(self) -> None:
        self._loaders: dict[Any, DataLoader[Any, Any]] = {}

    async def load(self, batch: Any, key: Any) -> Any:
        loader = self._loaders.get(batch) or self._loaders.setdefault(batch, DataLoader(batch))
        return await loader.load(key)

    def loaded(self, batch: Any, keys: Sequence[Any]) -> None:
        """Nothing is cached."""

    async def load_many(self, batch: Any, keys: Sequence[Any]) -> Any:
        return await batch(keys)


@dataclass(slots=True)
class Context:
    loaders: Loaders


async def brand_by_number(keys: Sequence[int]) -> list[BrandRow]:
    return [BRAND_ROWS[key % BRANDS] for key in keys]


async def stock_by_number(keys: Sequence[int]) -> list[int]:
    return list(keys)


async def price_by_number(keys: Sequence[int]) -> list[MoneyRow]:
    return [MoneyRow(100 + key, "HKD") for key in keys]


def related(batch: Any) -> Any:
    async def resolve(parent: strawberry.Parent[Any], info: strawberry.Info) -> Any:
        return await info.context.loaders.load(batch, parent.number)

    return strawberry.field(resolver=resolve, metadata={"batch": batch, "by": "number"})


def backed(row: type) -> Callable[[type], Any]:
    def decorate(cls: type) -> Any:
        def is_type_of(value: object, _info: object) -> bool:
            return isinstance(value, row)

        is_type_of.backing = row  # type: ignore[attr-defined] # functions carry attributes
        cls.is_type_of = is_type_of  # type: ignore[attr-defined] # Strawberry looks for it
        return strawberry.type(cls)

    return decorate


@backed(MoneyRow)
class Money:
    minor: int
    currency: str


@backed(BrandRow)
class Brand:
    id: strawberry.ID
    name: str


@backed(ProductRow)
class Attributes:
    id: strawberry.ID
    name: str
    price: Money
    brand: Brand
    stock: int


@backed(ProductRow)
class Functions:
    id: strawberry.ID
    name: str

    @strawberry.field
    def price(self) -> Money:
        return self.price  # type: ignore[return-value] # self is the row

    @strawberry.field
    def brand(self) -> Brand:
        return self.brand  # type: ignore[return-value] # self is the row

    @strawberry.field
    def stock(self) -> int:
        return self.stock  # type: ignore[return-value] # self is the row


@backed(ProductRow)
class Coroutines:
    id: strawberry.ID
    name: str

    @strawberry.field
    async def price(self) -> Money:
        return self.price  # type: ignore[return-value] # self is the row

    @strawberry.field
    async def brand(self, info: strawberry.Info) -> Brand:
        return await info.context.loaders.load(brand_by_number, self.number)  # type: ignore[attr-defined, no-any-return] # self is the row

    @strawberry.field
    async def stock(self, info: strawberry.Info) -> int:
        return await info.context.loaders.load(stock_by_number, self.number)  # type: ignore[attr-defined, no-any-return] # self is the row


@backed(ProductRow)
class Batches:
    id: strawberry.ID
    name: str
    price: Money = related(price_by_number)
    brand: Brand = related(brand_by_number)
    stock: int = related(stock_by_number)


def rows(kind: type[T]) -> list[T]:
    """The rows of every list, typed as the GraphQL type, because parents are backing objects."""
    return cast("list[T]", ROWS)


@strawberry.type
class Query:
    @strawberry.field
    def attributes(self) -> list[Attributes]:
        return rows(Attributes)

    @strawberry.field
    def functions(self) -> list[Functions]:
        return rows(Functions)

    @strawberry.field
    async def coroutines(self) -> list[Coroutines]:
        return rows(Coroutines)

    @strawberry.field
    async def batches(self) -> list[Batches]:
        return rows(Batches)

    @strawberry.field
    def hello(self) -> str:
        return "hello"


SELECTION = "{ id name price { minor currency } brand { id name } stock }"
QUERIES = {
    "attributes": f"query List {{ attributes {SELECTION} }}",
    "functions": f"query List {{ functions {SELECTION} }}",
    "coroutines": f"query List {{ coroutines {SELECTION} }}",
    "batches": f"query List {{ batches {SELECTION} }}",
    "hello": "{ hello }",
}


def plain_python() -> list[dict[str, Any]]:
    """The same data without GraphQL: the lower bound."""
    return [
        {
            "id": row.id,
            "name": row.name,
            "price": {"minorUnits": row.price.minor, "currency": row.price.currency},
            "brand": {"id": row.brand.id, "name": row.brand.name},
            "stock": row.stock,
        }
        for row in ROWS
    ]
