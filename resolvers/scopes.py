"""App scopes: the complete list of root fields and types that each scope allows.

An app acts for its company, so row-level security and the rules treat it like a company admin.
Before execution its document is checked against this list: a root field, or a type with an id or
a table, that is not listed is forbidden to every app; a listed one requires its scope. Other types
need no scope of their own.

What a person states of what they saw is open to no app: the check of a document, a code that
somebody showed them, and why a bag is handed over without it. Counted units may come from an app,
as from the handhelds of a warehouse system.
"""

from collections.abc import Iterable
from typing import Any

from graphql import GraphQLSchema

from execution.document.referenced_fields import ReferencedFields
from models.identity import Actor, AppScope
from resolvers.rules import AccessDenied

NO_SCOPE = None  # allowed for every app
S = AppScope

ROOT_FIELD_SCOPES: dict[str, AppScope | None] = {
    "Query.schemaVersion": NO_SCOPE,
    "Query.store": NO_SCOPE,
    "Query.storefront": NO_SCOPE,
    "Query.node": NO_SCOPE,
    "Query.nodes": NO_SCOPE,
    "Query.order": S.ORDERS_READ,
    "Query.fulfillment": S.FULFILLMENTS_READ,
    "Query.storeQueue": S.FULFILLMENTS_READ,
    "Query.storePutBacks": S.FULFILLMENTS_READ,
    "Query.delivery": S.DELIVERIES_READ,
    "Query.scheduledPrices": S.PRICES_READ,
    "Query.markdownCandidates": S.PRICES_READ,
    "Query.batchRecall": S.STOCK_READ,
    "Query.batchRecalls": S.STOCK_READ,
    "Query.companyStock": S.STOCK_READ,
    "Query.scannedProduct": S.STOCK_READ,
    "Query.expiringBatches": S.STOCK_READ,
    "Query.stockAlerts": S.STOCK_READ,
    "Query.stockCount": S.STOCK_READ,
    "Query.stockCountLines": S.STOCK_READ,
    "Query.stockCounts": S.STOCK_READ,
    "Query.stockLedger": S.STOCK_READ,
    "Query.storeStock": S.STOCK_READ,
    "Query.transfer": S.STOCK_READ,
    "Query.transfers": S.STOCK_READ,
    "Query.purchaseOrder": S.SUPPLY_READ,
    "Query.purchaseOrders": S.SUPPLY_READ,
    "Query.replenishmentProposals": S.SUPPLY_READ,
    "Query.supplier": S.SUPPLY_READ,
    "Query.supplierProducts": S.SUPPLY_READ,
    "Query.suppliers": S.SUPPLY_READ,
    "Query.ticket": S.TICKETS_READ,
    "Query.supportQueue": S.TICKETS_READ,
    "Query.webhookEndpoint": S.WEBHOOKS_READ,
    "Query.webhookEndpoints": S.WEBHOOKS_READ,
    "Query.webhookEvent": S.WEBHOOKS_READ,
    "Query.webhookPreview": S.WEBHOOKS_READ,
    "Query.webhookEventTypes": NO_SCOPE,
    "Mutation.webhookEndpointCreate": S.WEBHOOKS_WRITE,
    "Mutation.webhookEndpointUpdate": S.WEBHOOKS_WRITE,
    "Mutation.webhookEndpointPause": S.WEBHOOKS_WRITE,
    "Mutation.webhookEndpointResume": S.WEBHOOKS_WRITE,
    "Mutation.webhookEndpointArchive": S.WEBHOOKS_WRITE,
    "Mutation.webhookEndpointSecretRotate": S.WEBHOOKS_WRITE,
    "Mutation.webhookReplay": S.WEBHOOKS_WRITE,
    "Mutation.webhookDeliveryRetry": S.WEBHOOKS_WRITE,
    "Mutation.stockAlertAcknowledge": S.STOCK_WRITE,
    "Mutation.stockAlertSnooze": S.STOCK_WRITE,
    "Mutation.stockWriteOff": S.STOCK_WRITE,
    "Mutation.stockAdjust": S.STOCK_WRITE,
    "Mutation.stockBulkSet": S.STOCK_WRITE,
    "Mutation.stockReorderPointSet": S.STOCK_WRITE,
    "Mutation.listingAvailabilitySet": S.STOCK_WRITE,
    "Mutation.listingPriceSet": S.PRICES_WRITE,
    "Mutation.listingPriceSchedule": S.PRICES_WRITE,
    "Mutation.scheduledPriceCancel": S.PRICES_WRITE,
    "Mutation.fulfillmentAccept": S.FULFILLMENTS_WRITE,
    "Mutation.fulfillmentReject": S.FULFILLMENTS_WRITE,
    "Mutation.fulfillmentLinePick": S.FULFILLMENTS_WRITE,
    "Mutation.fulfillmentPack": S.FULFILLMENTS_WRITE,
    "Mutation.substitutionPropose": S.FULFILLMENTS_WRITE,
    "Mutation.fulfillmentStage": S.FULFILLMENTS_WRITE,
    "Mutation.fulfillmentGiveBack": S.FULFILLMENTS_WRITE,
    "Mutation.fulfillmentPutBack": S.FULFILLMENTS_WRITE,
    "Mutation.supplierCreate": S.SUPPLY_WRITE,
    "Mutation.supplierUpdate": S.SUPPLY_WRITE,
    "Mutation.supplierProductsSet": S.SUPPLY_WRITE,
    "Mutation.purchaseOrderCreate": S.SUPPLY_WRITE,
    "Mutation.purchaseOrderLinesSet": S.SUPPLY_WRITE,
    "Mutation.purchaseOrderReceive": S.SUPPLY_WRITE,
    "Subscription.stockChanged": S.STOCK_READ,
    "Subscription.orderTracked": S.ORDERS_READ,
    "Subscription.storeQueueChanged": S.FULFILLMENTS_READ,
    "Subscription.ticketChanged": S.TICKETS_READ,
    "Subscription.supportQueueChanged": S.TICKETS_READ,
}
TYPE_SCOPES: dict[str, AppScope | None] = {
    "Brand": NO_SCOPE,
    "Category": NO_SCOPE,
    "Company": NO_SCOPE,
    "Product": NO_SCOPE,
    "Store": NO_SCOPE,
    "StoreHours": NO_SCOPE,
    "Order": S.ORDERS_READ,
    "OrderLine": S.ORDERS_READ,
    "OrderChange": S.ORDERS_READ,
    "OrderEvent": S.ORDERS_READ,
    "AgeCheck": S.ORDERS_READ,
    "Payment": S.ORDERS_READ,
    "Refund": S.ORDERS_READ,
    "Address": S.CUSTOMERS_READ,
    "User": S.CUSTOMERS_READ,
    "Fulfillment": S.FULFILLMENTS_READ,
    "FulfillmentLine": S.FULFILLMENTS_READ,
    "PutBackLine": S.FULFILLMENTS_READ,
    "Substitution": S.FULFILLMENTS_READ,
    "Delivery": S.DELIVERIES_READ,
    "DeliveryOffer": S.DELIVERIES_READ,
    "Rider": S.DELIVERIES_READ,
    "RiderLocation": S.DELIVERIES_READ,
    "Ticket": S.TICKETS_READ,
    "TicketMessage": S.TICKETS_READ,
    "StockLevel": S.STOCK_READ,
    "StockAlert": S.STOCK_READ,
    "StockBatch": S.STOCK_READ,
    "StockCount": S.STOCK_READ,
    "StockCountLine": S.STOCK_READ,
    "StockCountEntry": S.STOCK_READ,
    "StockMovement": S.STOCK_READ,
    "StockBulkUpdate": S.STOCK_READ,
    "BatchRecall": S.STOCK_READ,
    "StockTransfer": S.STOCK_READ,
    "StockTransferLine": S.STOCK_READ,
    "ScheduledPrice": S.PRICES_READ,
    "Supplier": S.SUPPLY_READ,
    "SupplierProduct": S.SUPPLY_READ,
    "PurchaseOrder": S.SUPPLY_READ,
    "PurchaseOrderLine": S.SUPPLY_READ,
    "GoodsReceipt": S.SUPPLY_READ,
    "GoodsReceiptLine": S.SUPPLY_READ,
    "ReplenishmentProposal": S.SUPPLY_READ,
    "ReplenishmentRun": S.SUPPLY_READ,
    "WebhookAttempt": S.WEBHOOKS_READ,
    "WebhookDelivery": S.WEBHOOKS_READ,
    "WebhookEndpoint": S.WEBHOOKS_READ,
}
# Fields with personal data, and ids of orders; they require another scope than their type.
PERSONAL_FIELD_SCOPES: dict[tuple[str, str], AppScope] = {
    ("Order", "customerName"): S.CUSTOMERS_READ,
    ("Order", "addressLine"): S.CUSTOMERS_READ,
    ("Order", "deliveryInstructions"): S.CUSTOMERS_READ,
    ("Order", "location"): S.CUSTOMERS_READ,
    ("Order", "cancelNote"): S.CUSTOMERS_READ,
    ("RecalledOrder", "customerName"): S.CUSTOMERS_READ,
    ("Fulfillment", "customerName"): S.CUSTOMERS_READ,
    ("Delivery", "customerName"): S.CUSTOMERS_READ,
    ("Delivery", "addressLine"): S.CUSTOMERS_READ,
    ("Delivery", "deliveryInstructions"): S.CUSTOMERS_READ,
    ("Delivery", "dropoffLocation"): S.CUSTOMERS_READ,
    ("Delivery", "failureNote"): S.CUSTOMERS_READ,
    ("Delivery", "riderName"): S.CUSTOMERS_READ,
    ("Ticket", "orderId"): S.ORDERS_READ,
    ("Rider", "name"): S.CUSTOMERS_READ,
    ("Rider", "user"): S.CUSTOMERS_READ,
}


class MissingScope(AccessDenied):
    """An app lacks a scope; `scope` is its OAuth name."""

    def __init__(self, scope: AppScope, element: str) -> None:
        message = f"This needs the scope {scope.token} ({scope.value}), for {element}."
        super().__init__("FORBIDDEN", message)
        self.scope = scope.token


def scope_denial(
    actor: Actor, schema: GraphQLSchema, references: ReferencedFields
) -> AccessDenied | None:
    """Return why the app may not read these fields, None when it may."""
    for element, scope, forbidden in sorted(required_scopes(schema, references)):
        if forbidden:
            return AccessDenied("FORBIDDEN", f"{element} is not open to apps.")
        if scope and (required := AppScope(scope)) not in actor.scopes:
            return MissingScope(required, element)
    return None


def required_scopes(
    schema: GraphQLSchema, references: ReferencedFields
) -> Iterable[tuple[str, str, bool]]:
    """Return (element, scope, forbidden) of each root field, type and personal field in use.

    The scope is "" when none is required.
    """
    roots = {schema.query_type, schema.mutation_type, schema.subscription_type}
    root_names = {root.name for root in roots if root is not None}
    elements: dict[str, tuple[str, bool]] = {}
    for type_name, field_name in references:
        element = f"{type_name}.{field_name}"
        if type_name in root_names:
            if not field_name.startswith("__"):
                scope = ROOT_FIELD_SCOPES.get(element) or ""
                elements[element] = scope, element not in ROOT_FIELD_SCOPES
        elif type_name in TYPE_SCOPES:
            elements[type_name] = TYPE_SCOPES[type_name] or "", False
        elif _has_rows(schema.get_type(type_name)):
            elements[type_name] = "", True
        if (type_name, field_name) in PERSONAL_FIELD_SCOPES:
            elements[element] = PERSONAL_FIELD_SCOPES[type_name, field_name], False
    return [(element, scope, forbidden) for element, (scope, forbidden) in elements.items()]


def scope_mark(element: str) -> str:
    """Return the cell of a field in the rules table: its scope, a tick, or "" when forbidden."""
    type_name, _, field_name = element.partition(".")
    if element in ROOT_FIELD_SCOPES:
        scope = ROOT_FIELD_SCOPES[element]
    elif type_name in TYPE_SCOPES:
        scope = PERSONAL_FIELD_SCOPES.get((type_name, field_name), TYPE_SCOPES[type_name])
    else:
        return ""
    return "✓" if scope is None else scope.token


def _has_rows(graphql_type: Any) -> bool:
    """Return whether a type is backed by table rows or implements Node."""
    if any(interface.name == "Node" for interface in getattr(graphql_type, "interfaces", ())):
        return True
    return hasattr(getattr(getattr(graphql_type, "is_type_of", None), "backing", None), "__table__")
