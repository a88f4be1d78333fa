"""A small schema with every kind of field that the executor supports, and with invalid rows."""

# Rows are used as GraphQL types, and some resolvers return invalid values, on purpose.
# mypy: disable-error-code="arg-type, assignment, list-item, misc, return-value, unreachable"
# mypy: disable-error-code="untyped-decorator"

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

import strawberry
from strawberry.schema.config import StrawberryConfig

from tests.support.execution.input_types import SCALARS, Basis, Filter, OneKey, Range
from tests.support.execution.shop_context import (
    Context,
    Countdown,
    Denied,
    StaffOnly,
    backed,
    brand_by_id,
    broken_batch,
    products_by_brand,
    related,
    shelf_by_brand,
    short_batch,  # fmt: skip
)
from tests.support.execution.shop_rows import (
    BRAND,
    BUNDLE,
    FAULTY,
    MONEY,
    ROWS,
    Box,
    BrandRow,
    BundleRow,
    MoneyRow,
    ProductRow,
    Unit,  # fmt: skip
)

__all__ = ["Context", "schema"]


@strawberry.interface
class Named:
    id: strawberry.ID
    name: str


@strawberry.type
class Money:
    minor: int
    currency: str

    @classmethod
    def is_type_of(cls, value: object, _info: object) -> bool:
        return isinstance(value, MoneyRow)


@backed(BrandRow)
class Brand(Named):
    products: list[Annotated["Product", strawberry.lazy("tests.support.execution.shop_schema")]] = (
        related(products_by_brand)
    )


def sync_or_async(parent: strawberry.Parent[Any]) -> Any:
    """A resolver that is not a coroutine function but sometimes returns a coroutine."""

    async def later() -> str:
        return f"{parent.name} later"

    return later() if int(parent.id) % 2 else f"{parent.name} now"


async def step_by_step(parent: strawberry.Parent[Any]) -> AsyncIterator[int]:
    for n in range(int(parent.id)):
        if n == 4:
            raise ValueError("four is too much")
        yield n


async def check(
    parent: strawberry.Parent[Any], info: strawberry.Info, max_available: int = 5
) -> int:
    await asyncio.sleep(0)
    if int(parent.id) > max_available:
        raise ValueError(f"{parent.id} is over {max_available} in {info.field_name}")
    return int(parent.id)


@backed(ProductRow)
class Product(Named):
    price: Money
    old_price: Money | None = strawberry.field(
        resolver=lambda root: None if int(root.id) % 3 else MoneyRow(1)
    )
    tags: list[str]
    grid: list[list[int]]
    maybe_grid: list[list[int | None] | None] | None = strawberry.field(
        resolver=lambda root: [[1, None], None, root.grid[0]]
    )
    unit: Unit | None
    weight: float
    note: str | None
    boxes: list[Box | None]
    strict_boxes: list[Box] | None = strawberry.field(resolver=lambda root: root.boxes)
    brand: Brand = related(brand_by_id, by="brand_id")
    maybe_brand: Brand | None = related(brand_by_id, by="brand_id")
    staff_brand: Brand | None = related(brand_by_id, by="brand_id", allow=StaffOnly())
    shelf: Brand | None = related(shelf_by_brand, by="brand_id", pass_fields=True)
    broken: str | None = related(broken_batch)
    broken_strict: str = related(broken_batch)
    short: str | None = related(short_batch)
    missing_key: str | None = related(short_batch, by="nothing_like_it")
    sync_or_later: str = strawberry.field(resolver=sync_or_async)
    stepwise: list[int] | None = strawberry.field(resolver=step_by_step)
    checked: int | None = strawberry.field(resolver=check)
    checked_strict: int = strawberry.field(resolver=check)

    @strawberry.field
    def margin(self) -> Basis | None:
        return Basis(1 if int(self.id) < 3 else -1)

    @strawberry.field
    def label(self, info: strawberry.Info, prefix: str = "the", loud: bool = False) -> str:
        label = f"{prefix} {self.name} ({info.field_name})"
        return label.upper() if loud else label

    @strawberry.field
    def within(self, range: Range | None = None, units: list[Unit] | None = None) -> str:
        return f"{range} {units}"

    @strawberry.field
    def resolve_info(self, info: strawberry.Info, n: int = 0) -> str:
        """The values of info that a resolver can use, except list indexes."""
        selected = [str(field) for field in info.selected_fields]
        operation = info.operation.operation.value
        variables, returns = info.variable_values, info.return_type
        return f"{info.python_name} {selected} {operation} {variables} {returns} {n}"

    @strawberry.field(permission_classes=[Denied])
    def secret(self) -> str | None:
        return f"secret of {self.name}"

    @strawberry.field
    def fails(self) -> str:
        raise ValueError(f"{self.id} fails")

    @strawberry.field
    async def maybe_fails(self) -> str | None:
        raise KeyError(self.id)

    @strawberry.field
    def returns_error(self) -> str | None:
        return ValueError("returned, not raised")

    @strawberry.field
    async def siblings(self) -> list["Product"]:
        return list(ROWS[:2])


@backed(BundleRow)
class Bundle(Named):
    products: list[Product]
    first: Product | None = strawberry.field(resolver=lambda root: root.products[0])


Offer = Annotated[Product | Bundle | Brand, strawberry.union("Offer")]


@strawberry.type
class Query:
    @strawberry.field
    def products(self, first: int = 10, faulty: bool = False) -> list[Product | None]:
        return [*ROWS, *(FAULTY if faulty else ())][:first]

    @strawberry.field
    async def strict_products(self, faulty: bool = False) -> list[Product]:
        return [*ROWS, *(FAULTY if faulty else ())]

    @strawberry.field
    async def product(self, id: strawberry.ID) -> Product | None:
        return next((row for row in [*ROWS, *FAULTY] if str(row.id) == id), None)

    @strawberry.field
    def named(self, faulty: bool = False) -> list[Named | None]:
        return [*ROWS, BRAND, BUNDLE, None, *([MONEY, 7] if faulty else [])]

    @strawberry.field
    async def offers(self, faulty: bool = False) -> list[Offer]:
        return [BUNDLE, *ROWS[:2], BRAND, *([MONEY] if faulty else [])]

    @strawberry.field
    def mixed(self) -> list[list[Offer | None] | None]:
        return [[BRAND, None, ROWS[0]], None, [], [BUNDLE]]

    @strawberry.field
    def awaited_items(self) -> list[str | None]:
        async def item(n: int) -> str:
            if n == 1:
                raise ValueError("item one")
            return f"item {n}"

        return [item(n) for n in range(3)]

    @strawberry.field
    def not_a_list(self) -> list[str] | None:
        return "text"

    @strawberry.field
    def generated(self) -> list[int]:
        return (n for n in range(3))

    @strawberry.field
    def now(self) -> datetime:
        return datetime(2026, 11, 21, 10, 30, tzinfo=UTC)

    @strawberry.field
    def echo(
        self, uuid: UUID, amount: Decimal = Decimal("1.50"), range: Range | None = None
    ) -> str:
        return f"{uuid!r} {amount!r} {range!r}"

    @strawberry.field
    def filtered(self, filter: Filter | None = None, default: Range = Range(low=7)) -> str:  # noqa: B008 - the executor must copy it for each request
        default.units.append(Unit.KILOGRAM)
        return f"{filter} {default}"

    @strawberry.field
    def keyed(self, key: OneKey, keys: list[OneKey] | None = None) -> str:
        return f"{key} {keys}"

    @strawberry.field
    def crash(self) -> int:
        raise RuntimeError("down")

    @strawberry.field
    async def canceled(self) -> int | None:
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        future.cancel()
        return await future


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def write(self, info: strawberry.Info, what: str, fail: bool = False) -> Product | None:
        info.context.log.append(f"begin {what}")
        await asyncio.sleep(0)
        if fail:
            raise ValueError(f"{what} failed")
        info.context.log.append(f"end {what}")
        return ROWS[0]

    @strawberry.mutation
    def must(self, info: strawberry.Info, what: str) -> str:
        info.context.log.append(f"must {what}")
        if what == "fail":
            raise ValueError("must not fail")
        return what


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def ticks(self, info: strawberry.Info, upto: int = 3) -> AsyncIterator[Product]:
        try:
            for row in [*ROWS, *FAULTY][:upto]:
                yield row
            if upto == 2:
                raise ValueError("the source broke")
        finally:
            info.context.log.append("closed")

    @strawberry.subscription
    async def counted(self) -> AsyncIterator[int | None]:
        for n in (1, None, 3):
            yield n

    @strawberry.subscription
    async def unclosable(self) -> AsyncIterator[int]:
        return Countdown()

    @strawberry.subscription
    async def refused(self) -> AsyncIterator[int]:
        raise PermissionError("not for you")
        yield 1


schema = strawberry.Schema(
    Query, Mutation, Subscription, config=StrawberryConfig(scalar_map=SCALARS)
)
