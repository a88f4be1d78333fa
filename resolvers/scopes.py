"""What apps may do: the closed list of root fields and nouns that each scope opens.

An app stands for its company, so row-level security and every rule let it through like the
company's admin. What it may ask is decided before that, by the text of its operation: a root field
or a noun (a type with an id or a table) that is not in this list is closed to every app, and one
that is listed takes its scope. What hangs on a noun without being one goes with it.
"""

from collections.abc import Iterable
from typing import Any

from graphql import GraphQLSchema

from execution.document.referenced_fields import Reach
from models.identity import Actor, AppScope
from resolvers.rules import Denied

OPEN = None  # for every app, whatever its scopes
S = AppScope

ROOTS: dict[str, AppScope | None] = {
    "Query.schemaVersion": OPEN,
    "Query.store": OPEN,
    "Query.storefront": OPEN,
    "Query.node": OPEN,
    "Query.nodes": OPEN,
    "Query.order": S.ORDERS_READ,
    "Query.fulfillment": S.FULFILLMENTS_READ,
    "Query.storeQueue": S.FULFILLMENTS_READ,
    "Query.delivery": S.DELIVERIES_READ,
    "Query.priceChanges": S.PRICES_READ,
    "Query.markdownCandidates": S.PRICES_READ,
    "Query.batchRecall": S.STOCK_READ,
    "Query.batchRecalls": S.STOCK_READ,
    "Query.companyStock": S.STOCK_READ,
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
    "Query.reorderProposals": S.SUPPLY_READ,
    "Query.supplier": S.SUPPLY_READ,
    "Query.supplierProducts": S.SUPPLY_READ,
    "Query.suppliers": S.SUPPLY_READ,
    "Query.webhookEndpoint": S.WEBHOOKS_READ,
    "Query.webhookEndpoints": S.WEBHOOKS_READ,
    "Query.webhookEvent": S.WEBHOOKS_READ,
    "Query.webhookPreview": S.WEBHOOKS_READ,
    "Query.webhookTopics": OPEN,
    "Mutation.webhookEndpointCreate": S.WEBHOOKS_WRITE,
    "Mutation.webhookEndpointUpdate": S.WEBHOOKS_WRITE,
    "Mutation.webhookEndpointPause": S.WEBHOOKS_WRITE,
    "Mutation.webhookEndpointResume": S.WEBHOOKS_WRITE,
    "Mutation.webhookEndpointArchive": S.WEBHOOKS_WRITE,
    "Mutation.webhookSecretRotate": S.WEBHOOKS_WRITE,
    "Mutation.webhookReplay": S.WEBHOOKS_WRITE,
    "Mutation.webhookDeliveryRetry": S.WEBHOOKS_WRITE,
    "Mutation.alertAcknowledge": S.STOCK_WRITE,
    "Mutation.alertSnooze": S.STOCK_WRITE,
    "Mutation.batchWaste": S.STOCK_WRITE,
    "Mutation.stockAdjust": S.STOCK_WRITE,
    "Mutation.stockSetMany": S.STOCK_WRITE,
    "Mutation.stockReorderPointSet": S.STOCK_WRITE,
    "Mutation.listingSetAvailability": S.STOCK_WRITE,
    "Mutation.listingSetPrice": S.PRICES_WRITE,
    "Mutation.listingPriceSchedule": S.PRICES_WRITE,
    "Mutation.listingPriceCancel": S.PRICES_WRITE,
    "Mutation.fulfillmentAccept": S.FULFILLMENTS_WRITE,
    "Mutation.fulfillmentReject": S.FULFILLMENTS_WRITE,
    "Mutation.fulfillmentLinePick": S.FULFILLMENTS_WRITE,
    "Mutation.fulfillmentPack": S.FULFILLMENTS_WRITE,
    "Mutation.fulfillmentSubstitutePropose": S.FULFILLMENTS_WRITE,
    "Mutation.fulfillmentStage": S.FULFILLMENTS_WRITE,
    "Mutation.supplierSave": S.SUPPLY_WRITE,
    "Mutation.supplierProductsSet": S.SUPPLY_WRITE,
    "Mutation.purchaseOrderCreate": S.SUPPLY_WRITE,
    "Mutation.purchaseOrderLinesSet": S.SUPPLY_WRITE,
    "Mutation.purchaseOrderReceive": S.SUPPLY_WRITE,
    "Subscription.inventoryChanged": S.STOCK_READ,
    "Subscription.orderTracked": S.ORDERS_READ,
    "Subscription.storeQueueChanged": S.FULFILLMENTS_READ,
}
NOUNS: dict[str, AppScope | None] = {
    "Brand": OPEN,
    "Category": OPEN,
    "Company": OPEN,
    "Product": OPEN,
    "Store": OPEN,
    "StoreHours": OPEN,
    "Order": S.ORDERS_READ,
    "OrderLine": S.ORDERS_READ,
    "OrderEvent": S.ORDERS_READ,
    "Payment": S.ORDERS_READ,
    "Refund": S.ORDERS_READ,
    "Address": S.CUSTOMERS_READ,
    "Person": S.CUSTOMERS_READ,
    "Fulfillment": S.FULFILLMENTS_READ,
    "FulfillmentLine": S.FULFILLMENTS_READ,
    "Substitute": S.FULFILLMENTS_READ,
    "Delivery": S.DELIVERIES_READ,
    "DeliveryOffer": S.DELIVERIES_READ,
    "Rider": S.DELIVERIES_READ,
    "RiderPosition": S.DELIVERIES_READ,
    "Ticket": S.TICKETS_READ,
    "TicketMessage": S.TICKETS_READ,
    "Stock": S.STOCK_READ,
    "StockAlert": S.STOCK_READ,
    "StockBatch": S.STOCK_READ,
    "StockCount": S.STOCK_READ,
    "StockCountLine": S.STOCK_READ,
    "StockCounted": S.STOCK_READ,
    "StockEntry": S.STOCK_READ,
    "StockSet": S.STOCK_READ,
    "BatchRecall": S.STOCK_READ,
    "Transfer": S.STOCK_READ,
    "TransferLine": S.STOCK_READ,
    "PriceChange": S.PRICES_READ,
    "Supplier": S.SUPPLY_READ,
    "SupplierProduct": S.SUPPLY_READ,
    "PurchaseOrder": S.SUPPLY_READ,
    "PurchaseOrderLine": S.SUPPLY_READ,
    "GoodsReceipt": S.SUPPLY_READ,
    "GoodsReceiptLine": S.SUPPLY_READ,
    "ReorderProposal": S.SUPPLY_READ,
    "ReorderRun": S.SUPPLY_READ,
    "WebhookAttempt": S.WEBHOOKS_READ,
    "WebhookDelivery": S.WEBHOOKS_READ,
    "WebhookEndpoint": S.WEBHOOKS_READ,
}
# What of a noun tells of a person, and takes more than the noun's own scope.
PERSONAL: dict[tuple[str, str], AppScope] = {
    ("Order", "customerName"): S.CUSTOMERS_READ,
    ("Order", "addressLine"): S.CUSTOMERS_READ,
    ("Order", "dropNote"): S.CUSTOMERS_READ,
    ("Order", "point"): S.CUSTOMERS_READ,
    ("RecalledOrder", "customerName"): S.CUSTOMERS_READ,
    ("Fulfillment", "customerName"): S.CUSTOMERS_READ,
    ("Delivery", "customerName"): S.CUSTOMERS_READ,
    ("Delivery", "addressLine"): S.CUSTOMERS_READ,
    ("Delivery", "dropNote"): S.CUSTOMERS_READ,
    ("Delivery", "dropPoint"): S.CUSTOMERS_READ,
    ("Rider", "person"): S.CUSTOMERS_READ,
}


class ScopeMissing(Denied):
    """An app lacks a scope; `scope` is the one as OAuth writes it."""

    def __init__(self, scope: AppScope, place: str) -> None:
        said = f"This needs the scope {scope.token} ({scope.value}), for {place}."
        super().__init__("FORBIDDEN", said)
        self.scope = scope.token


def refusal(actor: Actor, schema: GraphQLSchema, reach: Reach) -> Denied | None:
    """Why this app may not ask for these fields, or None when it may."""
    for place, scope, closed in sorted(needed(schema, reach)):
        if closed:
            return Denied("FORBIDDEN", f"{place} is not open to apps.")
        if scope and (one := AppScope(scope)) not in actor.scopes:
            return ScopeMissing(one, place)
    return None


def needed(schema: GraphQLSchema, reach: Reach) -> Iterable[tuple[str, str, bool]]:
    """The places that fields lead to: each with its scope ("" for none), and if it is closed."""
    roots = {schema.query_type, schema.mutation_type, schema.subscription_type}
    names = {root.name for root in roots if root is not None}
    places: dict[str, tuple[str, bool]] = {}
    for kind, name in reach:
        place = f"{kind}.{name}"
        if kind in names:
            if not name.startswith("__"):
                places[place] = ROOTS.get(place) or "", place not in ROOTS
        elif kind in NOUNS:
            places[kind] = NOUNS[kind] or "", False
        elif _is_noun(schema.get_type(kind)):
            places[kind] = "", True
        if (kind, name) in PERSONAL:
            places[place] = PERSONAL[kind, name], False
    return [(place, scope, closed) for place, (scope, closed) in places.items()]


def told(place: str) -> str:
    """What the table of rules says of a field: a scope, a tick, or nothing where it is closed."""
    parent, _, name = place.partition(".")
    if place in ROOTS:
        found = ROOTS[place]
    elif parent in NOUNS:
        found = PERSONAL.get((parent, name), NOUNS[parent])
    else:
        return ""
    return "✓" if found is None else found.token


def _is_noun(kind: Any) -> bool:
    """Whether rows of a table stand behind a type, or it can be asked for by an id."""
    if any(one.name == "Node" for one in getattr(kind, "interfaces", ())):
        return True
    return hasattr(getattr(getattr(kind, "is_type_of", None), "backing", None), "__table__")
