import strawberry

from resolvers.inputs.purchase_order import NOTE


@strawberry.input(description="Proposals to draft an order from.")
class PurchaseOrderCreateFromProposalsInput:
    store_id: strawberry.ID = strawberry.field(description="The store that it is for.")
    supplier_id: strawberry.ID = strawberry.field(description="Who is to deliver.")
    product_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Only these, at most 500; all that is proposed when left out."
    )
    note: str = strawberry.field(default="", description=NOTE)


@strawberry.input(description="A store whose proposals are to be worked out.")
class ReorderRefreshInput:
    store_id: strawberry.ID = strawberry.field(description="Your store.")
