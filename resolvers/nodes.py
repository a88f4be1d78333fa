"""Resolvers of `node` and `nodes`: read any object by its public id."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any
from uuid import UUID

import strawberry

from database.base import Entity
from dataloaders import catalog, companies, stores
from models.catalog import Brand, Category, Product
from models.companies import Company
from models.ids import decode_id, model_of_id
from models.stores import Store
from resolvers.context import Info
from services.core.problems import DomainError, InvalidInput, NotFound, not_found
from services.operations import nodes as nodes_of

MAX_IDS = 100

Id = Annotated[strawberry.ID, strawberry.argument(description="The public id of an object.")]
Ids = Annotated[
    list[strawberry.ID], strawberry.argument(description="Public ids of objects, at most 100.")
]
NodeKey = tuple[type[Entity], UUID]

# Models of the public catalog; the services authorize reads of all other models.
PUBLIC_LOADERS: dict[type[Entity], Callable[..., Any]] = {
    Brand: catalog.brand_by_id,
    Category: catalog.category_by_id,
    Company: companies.company_by_id,
    Product: catalog.product_by_id,
    Store: stores.store_by_id,
}


async def node(info: Info, id: Id) -> Any:
    (result,) = await _results(info, [id])
    if isinstance(result, DomainError):
        raise result
    return result


async def nodes(info: Info, ids: Ids) -> list[Any]:
    """Resolve several ids; an error in the list becomes null with an error at its index."""
    if len(ids) > MAX_IDS:
        message = f"At most {MAX_IDS} ids at once."
        raise DomainError(InvalidInput(path=["ids"], message=message))
    return await _results(info, ids)


async def _results(info: Info, ids: Sequence[str]) -> list[Any]:
    """Return the row of each id, or the error for it."""
    keys = [_parse(text) for text in ids]
    rows = await _visible_rows(info, [key for key in keys if key is not None])
    return [_missing(key) if key is None or key not in rows else rows[key] for key in keys]


async def _visible_rows(info: Info, node_keys: Sequence[NodeKey]) -> dict[NodeKey, Any]:
    """Return the rows that the actor may see, read in one batch per model."""
    keys_by_model: dict[type[Entity], list[UUID]] = {}
    for model, key in dict.fromkeys(node_keys):
        keys_by_model.setdefault(model, []).append(key)
    visible = {}
    for model, keys in keys_by_model.items():
        read = _public_rows if model in PUBLIC_LOADERS else _private_rows
        rows = await read(info, model, keys)
        visible.update({(model, key): row for key, row in rows.items()})
    return visible


async def _public_rows(info: Info, model: type[Entity], keys: list[UUID]) -> dict[UUID, Any]:
    rows = await info.context.loaders.load_many(PUBLIC_LOADERS[model], keys)
    for failure in rows:
        if isinstance(failure, Exception):
            raise failure
    return {key: row for key, row in zip(keys, rows, strict=True) if row is not None}


async def _private_rows(info: Info, model: type[Entity], keys: list[UUID]) -> dict[UUID, Any]:
    async with info.context.read() as session:
        return await nodes_of.visible_nodes(
            session, actor=info.context.actor, model=model, keys=keys
        )


def _parse(id: str) -> NodeKey | None:
    """Return the model and key in an id; None unless `node` can read that model."""
    model = model_of_id(id)
    if model is None or not (model in PUBLIC_LOADERS or model in nodes_of.NODE_MODELS):
        return None
    key = decode_id(model, id)
    return None if key is None else (model, key)


def _missing(node_key: NodeKey | None) -> DomainError:
    if node_key is None:
        return DomainError(NotFound(path=["id"], message="There is no such thing."))
    return not_found(node_key[0], "id")
