"""Replenishment proposals of a store, and purchase orders created from them."""

from dataclasses import dataclass, field
from typing import Annotated, Any

import strawberry

from dataloaders import purchasing as load
from models.catalog import Product
from models.purchasing import ReplenishmentProposal, ReplenishmentRun, Supplier
from models.stores import Store
from resolvers.context import Info
from resolvers.mutations import company_of, run_mutation
from resolvers.purchasing.inputs import (
    PurchaseOrderCreateFromProposalsInput,
    ReplenishmentRefreshInput,
)
from resolvers.purchasing.purchase_orders import PurchaseOrderOutcome
from services.core.pages import Page
from services.core.problems import parse_id, parse_optional_id
from services.purchasing import replenishment

StoreId = Annotated[
    strawberry.ID, strawberry.argument(description="A store in which the caller works.")
]
SupplierId = Annotated[
    strawberry.ID | None, strawberry.argument(description="Only products of this supplier.")
]
First = Annotated[int, strawberry.argument(description="Number of rows, from 1 to 100.")]
After = Annotated[str | None, strawberry.argument(description="The cursor to continue after.")]


@dataclass
class ReplenishmentOutcome:
    """Result of `replenishmentRefresh`: the store with new proposals, or the problems."""

    store: Store | None = None
    errors: list[Any] = field(default_factory=list)


async def list_proposals(
    info: Info, store_id: StoreId, first: First, after: After = None, supplier_id: SupplierId = None
) -> Page[ReplenishmentProposal]:
    actor, store = info.context.actor, parse_id(Store, store_id, "storeId")
    supplier = parse_optional_id(Supplier, supplier_id, "supplierId")
    async with info.context.read() as session:
        return await replenishment.list_proposals(
            session, actor=actor, store_id=store, first=first, cursor=after, supplier_id=supplier
        )


async def refresh(info: Info, input: ReplenishmentRefreshInput) -> ReplenishmentOutcome:
    async def operation(session: Any) -> Store:
        key = parse_id(Store, input.store_id, "storeId")
        return await replenishment.refresh(session, actor=info.context.actor, store_id=key)

    company = company_of(info, Store, input.store_id, "storeId")
    return await run_mutation(
        info, ReplenishmentOutcome, operation, input=input, company_id=company
    )


async def create_purchase_order(
    info: Info, input: PurchaseOrderCreateFromProposalsInput
) -> PurchaseOrderOutcome:
    return await run_mutation(
        info,
        PurchaseOrderOutcome,
        lambda session: replenishment.create_purchase_order(
            session, **_order_arguments(info, input)
        ),
        input=input,
        company_id=company_of(info, Store, input.store_id, "storeId"),
    )


def _order_arguments(info: Info, input: PurchaseOrderCreateFromProposalsInput) -> dict[str, Any]:
    ids = input.product_ids
    keys = [parse_id(Product, one, "productIds", str(n)) for n, one in enumerate(ids or ())]
    return {
        "actor": info.context.actor,
        "store_id": parse_id(Store, input.store_id, "storeId"),
        "supplier_id": parse_id(Supplier, input.supplier_id, "supplierId"),
        "product_ids": None if ids is None else keys,
        "note": input.note,
    }


async def run_of_store(
    parent: strawberry.Parent[ReplenishmentOutcome], info: Info
) -> ReplenishmentRun | None:
    if parent.store is None:
        return None
    return await info.context.loaders.load(load.replenishment_run_by_store, parent.store.id)
