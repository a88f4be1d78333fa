"""What a store should order, and drafts made of it."""

from dataclasses import dataclass, field
from typing import Annotated, Any

import strawberry

from dataloaders import purchasing as load
from models.catalog import Product
from models.purchasing import ReorderProposal, ReorderRun, Supplier
from models.stores import Store
from resolvers.context import Info
from resolvers.mutations import attempt, of
from resolvers.purchasing.inputs import PurchaseOrderCreateFromProposalsInput, ReorderRefreshInput
from resolvers.purchasing.purchase_orders import PurchaseOrderOutcome
from services.core.pages import Page
from services.core.problems import key_if_given, key_of
from services.purchasing import replenishment

StoreId = Annotated[strawberry.ID, strawberry.argument(description="The store: one of yours.")]
SupplierId = Annotated[
    strawberry.ID | None, strawberry.argument(description="Only what this supplier sells.")
]
First = Annotated[int, strawberry.argument(description="How many, from 1 to 100.")]
After = Annotated[str | None, strawberry.argument(description="The cursor to continue after.")]


@dataclass
class ReorderOutcome:
    """What `reorderRefresh` answers: the store whose proposals are new."""

    store: Store | None = None
    errors: list[Any] = field(default_factory=list)


async def proposals(
    info: Info, store_id: StoreId, first: First, after: After = None, supplier_id: SupplierId = None
) -> Page[ReorderProposal]:
    actor, store = info.context.actor, key_of(Store, store_id, "storeId")
    supplier = key_if_given(Supplier, supplier_id, "supplierId")
    async with info.context.read() as session:
        return await replenishment.proposals(
            session, actor=actor, store_id=store, first=first, cursor=after, supplier_id=supplier
        )


async def refresh(info: Info, input: ReorderRefreshInput) -> ReorderOutcome:
    async def verb(session: Any) -> Store:
        key = key_of(Store, input.store_id, "storeId")
        return await replenishment.refresh(session, actor=info.context.actor, store_id=key)

    company = of(info, Store, input.store_id, "storeId")
    return await attempt(info, ReorderOutcome, verb, input=input, company_id=company)


async def order(info: Info, input: PurchaseOrderCreateFromProposalsInput) -> PurchaseOrderOutcome:
    return await attempt(
        info,
        PurchaseOrderOutcome,
        lambda session: replenishment.order(session, **_ordered(info, input)),
        input=input,
        company_id=of(info, Store, input.store_id, "storeId"),
    )


def _ordered(info: Info, input: PurchaseOrderCreateFromProposalsInput) -> dict[str, Any]:
    named = input.product_ids
    keys = [key_of(Product, one, "productIds", str(n)) for n, one in enumerate(named or ())]
    return {
        "actor": info.context.actor,
        "store_id": key_of(Store, input.store_id, "storeId"),
        "supplier_id": key_of(Supplier, input.supplier_id, "supplierId"),
        "product_ids": None if named is None else keys,
        "note": input.note,
    }


async def run(parent: strawberry.Parent[ReorderOutcome], info: Info) -> ReorderRun | None:
    if parent.store is None:
        return None
    return await info.context.loaders.load(load.run_by_store, parent.store.id)
