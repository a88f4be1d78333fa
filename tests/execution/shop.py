"""A small schema that holds every kind of field the executor knows, and rows with every fault."""

# Rows stand for types here, and some resolvers answer what they should not: that is the point.
# mypy: disable-error-code="arg-type, assignment, list-item, misc, return-value, unreachable"
# mypy: disable-error-code="untyped-decorator"

import asyncio
import enum
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, NewType
from uuid import UUID

import strawberry
from strawberry.permission import BasePermission
from strawberry.schema.config import StrawberryConfig

BRANDS = 4


# Rows


@dataclass
class MoneyRow:
    minor: Any
    currency: Any = "EUR"


@dataclass
class BrandRow:
    id: Any
    name: Any


@dataclass
class ProductRow:
    id: Any
    name: Any
    price: Any
    brand_id: Any = 0
    tags: Any = field(default_factory=lambda: ["fresh", "red"])
    grid: Any = field(default_factory=lambda: [[1, 2], [], [3]])
    unit: Any = None
    weight: Any = 1.5
    note: Any = None
    boxes: Any = field(default_factory=list)


@dataclass
class BundleRow:
    id: Any
    name: Any
    products: Any


# Scalars, enums, inputs


class Unit(enum.Enum):
    PIECE = "piece"
    KILOGRAM = "kg"


Basis = NewType("Basis", int)


def negative_fails(value: int) -> int:
    if value < 0:
        raise ValueError("no negative basis points")
    return value


SCALARS: Any = {Basis: strawberry.scalar(name="Basis", serialize=negative_fails, parse_value=Basis)}


@strawberry.input
class Range:
    low: int = 0
    high: int | None = strawberry.UNSET
    units: list[Unit] = strawberry.field(default_factory=lambda: [Unit.PIECE])


@strawberry.input
class Filter:
    """An input type that holds itself, and fields that may be left out."""

    name: strawberry.Maybe[str | None]
    low: strawberry.Maybe[int]
    range: Range | None = None
    ranges: list[Range | None] = strawberry.field(default_factory=list)
    either: list["Filter"] | None = None
    nested: list[list[int]] | None = strawberry.UNSET
    basis: Basis | None = None


@strawberry.input(one_of=True)
class OneKey:
    by_id: strawberry.Maybe[strawberry.ID]
    by_name: strawberry.Maybe[str]


class Denied(BasePermission):
    message = "You may not."

    def has_permission(self, source: Any, info: strawberry.Info, **_: Any) -> bool:
        return bool(info.context.staff)


@dataclass(frozen=True)
class StaffOnly:
    """A rule of the kind the product puts into field metadata."""

    def refuse(self, context: Any) -> Exception | None:
        return None if context.staff else PermissionError("Staff only.")


# Context


class Loaders:
    """The two ways in which the product's loaders are asked."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, list[Any]]] = []
        self._waiting: dict[Any, list[tuple[Any, asyncio.Future[Any]]]] = {}

    async def load(self, batch: Callable[..., Any], key: Any) -> Any:
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        waiting = self._waiting.setdefault(batch, [])
        if not waiting:
            asyncio.get_running_loop().call_soon(
                lambda: asyncio.ensure_future(self._dispatch(batch))
            )
        waiting.append((key, future))
        return await future

    async def _dispatch(self, batch: Callable[..., Any]) -> None:
        waiting = self._waiting.pop(batch)
        try:
            keys = list(dict.fromkeys(key for key, _ in waiting))
            answers = await batch(keys)
            if len(answers) != len(keys):
                raise LookupError(f"{batch.__name__} did not give one answer for each key")
            found = dict(zip(keys, answers, strict=True))
        except Exception as error:
            found = {key: error for key, _ in waiting}
        for key, future in waiting:
            if future.done():  # graphql-core cancels the siblings of a field that failed
                continue
            if isinstance(found[key], Exception):
                future.set_exception(found[key])
            else:
                future.set_result(found[key])

    async def batch(self, batch: Callable[..., Any], keys: Sequence[Any], *fields: Any) -> Any:
        self.calls.append((batch.__name__, [*keys, *fields]))
        return await batch(list(keys), *fields)


@dataclass
class Context:
    staff: bool = False
    loaders: Loaders = field(default_factory=Loaders)
    log: list[str] = field(default_factory=list)


async def brand_by_id(keys: list[int]) -> list[Any]:
    await asyncio.sleep(0)
    return [
        BrandRow(key, f"brand {key}") if key < BRANDS else ValueError(f"no brand {key}")
        for key in keys
    ]


async def products_by_brand(keys: list[int]) -> list[list[Any]]:
    return [[row for row in ROWS if row.brand_id == key] for key in keys]


async def broken_batch(keys: list[int]) -> list[Any]:
    raise RuntimeError("the batch broke")


async def short_batch(keys: list[int]) -> list[Any]:
    return [f"answer {key}" for key in keys[1:]]


async def shelf_by_brand(keys: list[int], fields: frozenset[str] = frozenset({"all"})) -> list[Any]:
    return [BrandRow(key, f"shelf {key}") for key in keys]


def related(batch: Any, *, by: str = "id", **metadata: Any) -> Any:
    async def resolve(parent: strawberry.Parent[Any], info: strawberry.Info) -> Any:
        rule = metadata.get("allow")
        denied = rule.refuse(info.context) if rule else None
        if denied:
            raise denied
        key = getattr(parent, by)
        return None if key is None else await info.context.loaders.load(batch, key)

    return strawberry.field(resolver=resolve, metadata={"batch": batch, "by": by, **metadata})


def backed(row: type, **options: Any) -> Callable[[type], Any]:
    """As the product does it: the class of the rows stands on the predicate."""

    def decorate(cls: type) -> Any:
        def is_type_of(value: object, _info: object) -> bool:
            return isinstance(value, row)

        is_type_of.backing = row  # type: ignore[attr-defined] # functions carry attributes
        cls.is_type_of = is_type_of  # type: ignore[attr-defined] # Strawberry looks for it
        return strawberry.type(cls, **options)

    return decorate


# Types


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
    products: list[Annotated["Product", strawberry.lazy("tests.execution.shop")]] = related(
        products_by_brand
    )


@strawberry.type
class Box:
    """A plain Strawberry type: its values are its own instances, or anything alike."""

    size: int
    inside: "Box | None" = None


def now_or_later(parent: strawberry.Parent[Any]) -> Any:
    """A resolver that is no coroutine function but sometimes answers with a coroutine."""

    async def later() -> str:
        return f"{parent.name} later"

    return later() if int(parent.id) % 2 else f"{parent.name} now"


async def step_by_step(parent: strawberry.Parent[Any]) -> AsyncIterator[int]:
    for n in range(int(parent.id)):
        if n == 4:
            raise ValueError("four is too much")
        yield n


async def check(parent: strawberry.Parent[Any], info: strawberry.Info, at_most: int = 5) -> int:
    await asyncio.sleep(0)
    if int(parent.id) > at_most:
        raise ValueError(f"{parent.id} is over {at_most} in {info.field_name}")
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
    shelf: Brand | None = related(shelf_by_brand, by="brand_id", look=True)
    broken: str | None = related(broken_batch)
    broken_strict: str = related(broken_batch)
    short: str | None = related(short_batch)
    missing_key: str | None = related(short_batch, by="nothing_like_it")
    sync_or_later: str = strawberry.field(resolver=now_or_later)
    stepwise: list[int] | None = strawberry.field(resolver=step_by_step)
    checked: int | None = strawberry.field(resolver=check)
    checked_strict: int = strawberry.field(resolver=check)

    @strawberry.field
    def margin(self) -> Basis | None:
        return Basis(1 if int(self.id) < 3 else -1)

    @strawberry.field
    def label(self, info: strawberry.Info, prefix: str = "the", loud: bool = False) -> str:
        made = f"{prefix} {self.name} ({info.field_name})"
        return made.upper() if loud else made

    @strawberry.field
    def within(self, range: Range | None = None, units: list[Unit] | None = None) -> str:
        return f"{range} {units}"

    @strawberry.field
    def told(self, info: strawberry.Info, n: int = 0) -> str:
        """Everything a resolver may ask its info, but for positions in lists."""
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
    def filtered(self, filter: Filter | None = None, default: Range = Range(low=7)) -> str:  # noqa: B008 - the executor must give each request its own
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


class Countdown:
    """A source of events that is no generator and has nothing to close."""

    def __init__(self) -> None:
        self.left = 2

    def __aiter__(self) -> "Countdown":
        return self

    async def __anext__(self) -> int:
        if not self.left:
            raise StopAsyncIteration
        self.left -= 1
        return self.left


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


ROWS = [
    ProductRow(n, f"product {n}", MoneyRow(100 * n), n % 3, unit=(None, *Unit)[n % 3])
    for n in range(1, 6)
]
ROWS[1].boxes = [Box(size=1, inside=Box(size=2)), None, Box(size=3)]
FAULTY: list[Any] = [
    ProductRow(10, None, MoneyRow(1)),
    ProductRow(11, "price", None, 9),
    ProductRow(12, "minor", MoneyRow("many"), None),
    ProductRow(13, "price type", 7, tags=None, grid=[[1], None]),
    ProductRow(14, ValueError("a name that is an error"), MoneyRow(2**40), tags=["a", None]),
    ProductRow(15, "leaves", MoneyRow(1.0), weight=float("nan"), unit="stone", note=object()),
    ProductRow(16, 16, MoneyRow(True), weight=3, unit=Unit.PIECE, note=["x"], grid=[[1, "two"]]),
    ProductRow(17, "boxes", MoneyRow(5), boxes=[Box(size=1), "no box"], tags="not a list"),
    object(),
    None,
    ValueError("a product that is an error"),
]
BRAND = BrandRow(1, "brand 1")
MONEY = MoneyRow(5)
BUNDLE = BundleRow(20, "bundle", ROWS[:2])

schema = strawberry.Schema(
    Query, Mutation, Subscription, config=StrawberryConfig(scalar_map=SCALARS)
)
