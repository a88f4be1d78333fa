"""Builds the schema from the root fields that each domain declares."""

from typing import Annotated, Any

import strawberry
from graphql import GraphQLInputObjectType
from strawberry.directive import DirectiveLocation, DirectiveValue
from strawberry.schema.config import StrawberryConfig

from execution.document.cost import DEFINITION
from resolvers.prices import field_price
from schema import node_root
from schema.accounts import root as accounts_root
from schema.alerts import root as alerts_root
from schema.alerts import streams as alerts_streams
from schema.carts import root as carts_root
from schema.catalog import root as catalog_root
from schema.companies import root as companies_root
from schema.counter_sales import root as counter_sales_root
from schema.counting import root as counting_root
from schema.delivery import root as delivery_root
from schema.delivery import streams as delivery_streams
from schema.files import root as files_root
from schema.fulfillment import root as fulfillment_root
from schema.fulfillment import streams as fulfillment_streams
from schema.identity import root as identity_root
from schema.imports import root as imports_root
from schema.integrations import root as integrations_root
from schema.operations import root as operations_root
from schema.orders import root as orders_root
from schema.orders import streams as orders_streams
from schema.payments import root as payments_root
from schema.purchasing import root as purchasing_root
from schema.scalars import SCALARS
from schema.stock import root as stock_root
from schema.stock import streams as stock_streams
from schema.stores import root as stores_root
from schema.support import root as support_root
from schema.support import streams as support_streams
from schema.transfers import root as transfers_root


@strawberry.type(description="All queries.")
class Query(
    operations_root.SchemaVersionQuery,
    operations_root.ProcessStatsQuery,
    node_root.NodeQuery,
    catalog_root.StorefrontQuery,
    stores_root.StoreQuery,
    stock_root.StockQuery,
    stock_root.BatchQuery,
    alerts_root.AlertQuery,
    integrations_root.AppQuery,
    operations_root.JobQuery,
    integrations_root.WebhookQuery,
    stock_root.CompanyStockQuery,
    catalog_root.ProductCodeQuery,
    catalog_root.PriceChangeQuery,
    counter_sales_root.CounterSaleQuery,
    files_root.FileQuery,
    fulfillment_root.FulfillmentQuery,
    orders_root.OrderQuery,
    payments_root.PaymentQuery,
    accounts_root.PersonQuery,
    accounts_root.InvitationQuery,
    purchasing_root.SupplierQuery,
    support_root.TicketQuery,
    purchasing_root.PurchaseOrderQuery,
    purchasing_root.ReplenishmentQuery,
    delivery_root.RiderQuery,
    delivery_root.DeliveryQuery,
    transfers_root.TransferQuery,
    counting_root.StockCountQuery,
    imports_root.StockImportQuery,
):
    pass


@strawberry.type(description="All mutations.")
class Mutation(
    accounts_root.AddressMutation,
    accounts_root.InvitationMutation,
    alerts_root.AlertMutation,
    integrations_root.AppMutation,
    operations_root.JobMutation,
    integrations_root.WebhookMutation,
    carts_root.CartMutation,
    files_root.FileMutation,
    fulfillment_root.FulfillmentMutation,
    fulfillment_root.SubstituteMutation,
    catalog_root.ListingMutation,
    catalog_root.HandlingMutation,
    catalog_root.ProductCodeMutation,
    catalog_root.PriceChangeMutation,
    orders_root.OrderMutation,
    payments_root.PaymentMutation,
    stock_root.StockMutation,
    stock_root.BatchMutation,
    stores_root.StoreMutation,
    companies_root.CompanyMutation,
    counter_sales_root.CounterSaleMutation,
    accounts_root.PersonMutation,
    identity_root.SessionMutation,
    purchasing_root.SupplierMutation,
    support_root.TicketMutation,
    purchasing_root.PurchaseOrderMutation,
    purchasing_root.ReplenishmentMutation,
    delivery_root.RiderMutation,
    delivery_root.DeliveryMutation,
    transfers_root.TransferMutation,
    counting_root.StockCountMutation,
    imports_root.StockImportMutation,
):
    pass


@strawberry.type(description="All subscriptions.")
class Subscription(
    orders_streams.OrderSubscription,
    stock_streams.StockSubscription,
    fulfillment_streams.FulfillmentSubscription,
    alerts_streams.AlertSubscription,
    delivery_streams.DeliverySubscription,
    support_streams.SupportSubscription,
    imports_root.StockImportSubscription,
):
    pass


ABOUT_KEY = strawberry.argument(
    description="Identifier that the client chooses for this request, 1 to 255 characters;"
    " takes precedence over the Idempotency-Key header."
)


@strawberry.directive(
    locations=[DirectiveLocation.FIELD],
    description="Idempotency key: equal mutations with the same key are executed once. Keys"
    " are remembered for 24 hours.",
)
def idempotent(value: DirectiveValue[Any], key: Annotated[str, ABOUT_KEY]) -> Any:
    """Return the value unchanged: the mutation reads the key from its own directive."""
    return value


def set_prices(schema: strawberry.Schema) -> None:
    """Give each root field its price, which the engine adds up like the cost of any field."""
    core = schema._schema
    roots = (core.query_type, core.mutation_type, core.subscription_type)
    for root in filter(None, roots):
        operation = root.name.lower()
        for name, declared in root.fields.items():
            field = declared.extensions[DEFINITION]
            price = field_price(root.name, name, operation)
            field.metadata = {**field.metadata, "cost": price}


def mark_alternatives(schema: strawberry.Schema) -> None:
    """Tell graphql-core which inputs are `@oneOf`; Strawberry only knows it itself.

    So it checks literals, variables and their declarations, and answers introspection.
    """
    for kind in schema._schema.type_map.values():
        definition = kind.extensions.get(DEFINITION)
        if isinstance(kind, GraphQLInputObjectType) and definition is not None:
            kind.is_one_of = definition.is_one_of


graph = strawberry.Schema(
    Query,
    Mutation,
    Subscription,
    directives=[idempotent],
    config=StrawberryConfig(scalar_map=SCALARS),
)

set_prices(graph)
mark_alternatives(graph)
