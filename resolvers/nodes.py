"""Anything that has an id, by that id alone."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any
from uuid import UUID

import strawberry

from database.base import Keyed
from dataloaders import catalog, companies, stores
from models.catalog import Brand, Category, Product
from models.companies import Company
from models.ids import decode, noun
from models.stores import Store
from resolvers.context import Info
from services.core.problems import InvalidInput, NotFound, Refused, not_found
from services.operations import nodes as nodes_of

IDS_COUNT = 100

Id = Annotated[strawberry.ID, strawberry.argument(description="The public id of anything.")]
Ids = Annotated[
    list[strawberry.ID], strawberry.argument(description="Public ids of anything, at most 100.")
]
Named = tuple[type[Keyed], UUID]

# What stands in the shop window is anybody's to see; all other nouns have a rule in the services.
WINDOW: dict[type[Keyed], Callable[..., Any]] = {
    Brand: catalog.brand_by_id,
    Category: catalog.category_by_id,
    Company: companies.company_by_id,
    Product: catalog.product_by_id,
    Store: stores.store_by_id,
}


async def node(info: Info, id: Id) -> Any:
    (found,) = await _found(info, [id])
    if isinstance(found, Refused):
        raise found
    return found


async def nodes(info: Info, ids: Ids) -> list[Any]:
    """A refusal in the list becomes a null and an error at its place."""
    if len(ids) > IDS_COUNT:
        said = f"At most {IDS_COUNT} ids at once."
        raise Refused(InvalidInput(path=["ids"], message=said))
    return await _found(info, ids)


async def _found(info: Info, ids: Sequence[str]) -> list[Any]:
    """What is behind each id, or why there is nothing."""
    named = [_named(one) for one in ids]
    seen = await _seen(info, [one for one in named if one is not None])
    return [_missing(one) if one is None or one not in seen else seen[one] for one in named]


async def _seen(info: Info, named: Sequence[Named]) -> dict[Named, Any]:
    """What the actor may see, a noun at a time."""
    wanted: dict[type[Keyed], list[UUID]] = {}
    for model, key in dict.fromkeys(named):
        wanted.setdefault(model, []).append(key)
    seen = {}
    for model, keys in wanted.items():
        read = _window if model in WINDOW else _private
        seen.update({(model, key): row for key, row in (await read(info, model, keys)).items()})
    return seen


async def _window(info: Info, model: type[Keyed], keys: list[UUID]) -> dict[UUID, Any]:
    rows = await info.context.loaders.batch(WINDOW[model], keys)
    for failure in rows:
        if isinstance(failure, Exception):
            raise failure
    return {key: row for key, row in zip(keys, rows, strict=True) if row is not None}


async def _private(info: Info, model: type[Keyed], keys: list[UUID]) -> dict[UUID, Any]:
    async with info.context.read() as session:
        return await nodes_of.seen(session, actor=info.context.actor, model=model, keys=keys)


def _named(id: str) -> Named | None:
    """The noun and key that an id speaks of, when such things can be looked up."""
    model = noun(id)
    if model is None or not (model in WINDOW or model in nodes_of.NOUNS):
        return None
    key = decode(model, id)
    return None if key is None else (model, key)


def _missing(named: Named | None) -> Refused:
    if named is None:
        return Refused(NotFound(path=["id"], message="There is no such thing."))
    return not_found(named[0], "id")
