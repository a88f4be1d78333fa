"""What can be asked: each noun brings its own root fields, this file puts them together."""

from typing import Annotated, Any

import strawberry
from strawberry.directive import DirectiveLocation, DirectiveValue
from strawberry.schema.config import StrawberryConfig

import models  # noqa: F401 - enums are registered from the models' subclasses
import schema.enums  # noqa: F401 - before any type names them
from schema.root import (
    address,
    alert,
    app,
    batch,
    cart,
    company,
    company_stock,
    counter_sale,
    delivery,
    fulfillment,
    handling,
    house,
    job,
    listing,
    node,
    order,
    person,
    price_change,
    purchase_order,
    queue,
    reorder,
    rider,
    session,
    stock,
    stock_count,
    stock_import,
    store,
    storefront,
    streams,
    substitute,
    supplier,
    ticket,
    transfer,
    webhook,
)
from schema.scalars import SCALARS


@strawberry.type(description="Everything that can be read.")
class Query(
    house.Query,
    queue.Query,
    node.Query,
    storefront.Query,
    store.Query,
    stock.Query,
    batch.Query,
    alert.Query,
    app.Query,
    job.Query,
    webhook.Query,
    company_stock.Query,
    price_change.Query,
    counter_sale.Query,
    fulfillment.Query,
    order.Query,
    person.Query,
    supplier.Query,
    ticket.Query,
    purchase_order.Query,
    reorder.Query,
    rider.Query,
    delivery.Query,
    transfer.Query,
    stock_count.Query,
    stock_import.Query,
):
    pass


@strawberry.type(description="Everything that can be changed.")
class Mutation(
    address.Mutation,
    alert.Mutation,
    app.Mutation,
    job.Mutation,
    webhook.Mutation,
    cart.Mutation,
    fulfillment.Mutation,
    substitute.Mutation,
    listing.Mutation,
    handling.Mutation,
    price_change.Mutation,
    order.Mutation,
    stock.Mutation,
    batch.Mutation,
    store.Mutation,
    company.Mutation,
    counter_sale.Mutation,
    person.Mutation,
    session.Mutation,
    supplier.Mutation,
    ticket.Mutation,
    purchase_order.Mutation,
    reorder.Mutation,
    rider.Mutation,
    delivery.Mutation,
    transfer.Mutation,
    stock_count.Mutation,
    stock_import.Mutation,
):
    pass


@strawberry.type(description="Everything that can be watched.")
class Subscription(streams.Subscription, stock_import.Subscription):
    pass


ABOUT_KEY = strawberry.argument(
    description="The client's own name for this request, 1 to 255 characters; goes before the"
    " Idempotency-Key header."
)


@strawberry.directive(
    locations=[DirectiveLocation.FIELD],
    description="Makes equal mutations with the same key one: kept for 24 hours.",
)
def idempotent(value: DirectiveValue[Any], key: Annotated[str, ABOUT_KEY]) -> Any:
    """The key is read by the mutation itself; the value passes unchanged."""
    return value


graph = strawberry.Schema(
    Query,
    Mutation,
    Subscription,
    directives=[idempotent],
    config=StrawberryConfig(scalar_map=SCALARS),
)
