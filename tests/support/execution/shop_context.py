"""The context of the test shop: loaders, batches and access rules like those of the product."""

# Some rows have invalid values, and rows are used as GraphQL types, on purpose.
# mypy: disable-error-code="arg-type, assignment, list-item, misc, return-value, unreachable"
# mypy: disable-error-code="untyped-decorator"

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import strawberry
from strawberry.permission import BasePermission

from tests.support.execution.shop_rows import ROWS, BrandRow

BRANDS = 4


class Denied(BasePermission):
    message = "You may not."

    def has_permission(self, source: Any, info: strawberry.Info, **_: Any) -> bool:
        return bool(info.context.staff)


@dataclass(frozen=True)
class StaffOnly:
    """An access rule as the product puts it into field metadata."""

    def denial(self, context: Any) -> Exception | None:
        return None if context.staff else PermissionError("Staff only.")

    def covers(self, context: Any, row: Any) -> bool:
        """Of some rows the field is null."""
        return not str(getattr(row, "id", "")).endswith("2")


class Loaders:
    """Has the two ways to read of the product's loaders; records the calls."""

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
            results = await batch(keys)
            if len(results) != len(keys):
                raise LookupError(f"{batch.__name__} did not give one answer for each key")
            by_key = dict(zip(keys, results, strict=True))
        except Exception as error:
            by_key = {key: error for key, _ in waiting}
        for key, future in waiting:
            if future.done():  # graphql-core cancels the siblings of a field that failed
                continue
            if isinstance(by_key[key], Exception):
                future.set_exception(by_key[key])
            else:
                future.set_result(by_key[key])

    def loaded(self, batch: Callable[..., Any], keys: Sequence[Any], *fields: Any) -> None:
        """Nothing is cached."""

    def clear(self) -> None:
        """Nothing is cached, so there is nothing to clear."""

    async def load_many(self, batch: Callable[..., Any], keys: Sequence[Any], *fields: Any) -> Any:
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
        denied = rule.denial(info.context) if rule else None
        if denied:
            raise denied
        if rule and not rule.covers(info.context, parent):
            return None
        key = getattr(parent, by)
        return None if key is None else await info.context.loaders.load(batch, key)

    return strawberry.field(resolver=resolve, metadata={"batch": batch, "by": by, **metadata})


def backed(row: type, **options: Any) -> Callable[[type], Any]:
    """As in the product: the class of the rows is an attribute of `is_type_of`."""

    def decorate(cls: type) -> Any:
        def is_type_of(value: object, _info: object) -> bool:
            return isinstance(value, row)

        is_type_of.backing = row  # type: ignore[attr-defined] # functions carry attributes
        cls.is_type_of = is_type_of  # type: ignore[attr-defined] # Strawberry looks for it
        return strawberry.type(cls, **options)

    return decorate


class Countdown:
    """An event source that is not a generator and has no `aclose`."""

    def __init__(self) -> None:
        self.left = 2

    def __aiter__(self) -> "Countdown":
        return self

    async def __anext__(self) -> int:
        if not self.left:
            raise StopAsyncIteration
        self.left -= 1
        return self.left
