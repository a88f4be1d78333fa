"""Tables, enums and value types; `models.database` opens sessions on them."""

from models.actor import ANONYMOUS, NOBODY, PLATFORM, Actor, Grant, Role, Scope
from models.address import Address
from models.alert import PRIORITIES, AlertAction, AlertKind, AlertPriority, AlertStatus, StockAlert
from models.audit import AuditEntry
from models.base import Base, Keyed, Named, uuid7
from models.batch import (
    BatchRecall,
    BatchStatus,
    PickedBatch,
    StockAudit,
    StockBatch,
    WasteSource,
)
from models.brand import Brand
from models.cart import Cart, CartLine, CartProblem, Substitution
from models.category import Category
from models.company import Company
from models.counter_sale import (
    CounterSale,
    CounterSaleAction,
    CounterSaleLine,
    CounterSaleStatus,
    CounterTill,
    Tender,
)
from models.delivery import (
    Delivery,
    DeliveryAction,
    DeliveryOffer,
    DeliveryStatus,
    FailReason,
    OfferAction,
    OfferStatus,
)
from models.event import Event, EventType, Stream
from models.fulfillment import (
    Fulfillment,
    FulfillmentAction,
    FulfillmentLine,
    FulfillmentLineStatus,
    FulfillmentStatus,
    RejectReason,
)
from models.idempotency import IdempotencyKey
from models.listing import Availability, Listing
from models.order import (
    CancelReason,
    Order,
    OrderAction,
    OrderLine,
    OrderStage,
    OrderStatus,
)
from models.payment import Payment, PaymentNotice, PaymentStatus, Refund, RefundReason, RefundStatus
from models.person import Membership, Person
from models.price_change import PriceChange, PriceChangeAction, PriceChangeStatus
from models.product import Product, ProductSort
from models.purchase_order import (
    GoodsReceipt,
    GoodsReceiptLine,
    PurchaseOrder,
    PurchaseOrderAction,
    PurchaseOrderLine,
    PurchaseOrderStatus,
)
from models.reorder import ReorderProposal, ReorderRun
from models.rider import Rider, RiderAction, RiderPosition, RiderStatus, Vehicle
from models.session import OneTimeCode, RefreshToken, SignInSession
from models.stock import Hold, HoldStatus, Stock, StockEntry, StockReason
from models.store import (
    Store,
    StoreHours,
    StoreStatus,
    StoreZone,
    Unserved,
    Weekday,
    ZoneFault,
)
from models.supplier import Supplier, SupplierProduct
from models.ticket import (
    Ticket,
    TicketAction,
    TicketKind,
    TicketMessage,
    TicketPriority,
    TicketStatus,
)

__all__ = [
    "ANONYMOUS",
    "NOBODY",
    "PLATFORM",
    "PRIORITIES",
    "Actor",
    "Address",
    "AlertAction",
    "AlertKind",
    "AlertPriority",
    "AlertStatus",
    "AuditEntry",
    "Availability",
    "Base",
    "BatchRecall",
    "BatchStatus",
    "Brand",
    "CancelReason",
    "Cart",
    "CartLine",
    "CartProblem",
    "Category",
    "Company",
    "CounterSale",
    "CounterSaleAction",
    "CounterSaleLine",
    "CounterSaleStatus",
    "CounterTill",
    "Delivery",
    "DeliveryAction",
    "DeliveryOffer",
    "DeliveryStatus",
    "Event",
    "EventType",
    "FailReason",
    "Fulfillment",
    "FulfillmentAction",
    "FulfillmentLine",
    "FulfillmentLineStatus",
    "FulfillmentStatus",
    "GoodsReceipt",
    "GoodsReceiptLine",
    "Grant",
    "Hold",
    "HoldStatus",
    "IdempotencyKey",
    "Keyed",
    "Listing",
    "Membership",
    "Named",
    "OfferAction",
    "OfferStatus",
    "OneTimeCode",
    "Order",
    "OrderAction",
    "OrderLine",
    "OrderStage",
    "OrderStatus",
    "Payment",
    "PaymentNotice",
    "PaymentStatus",
    "Person",
    "PickedBatch",
    "PriceChange",
    "PriceChangeAction",
    "PriceChangeStatus",
    "Product",
    "ProductSort",
    "PurchaseOrder",
    "PurchaseOrderAction",
    "PurchaseOrderLine",
    "PurchaseOrderStatus",
    "RefreshToken",
    "Refund",
    "RefundReason",
    "RefundStatus",
    "RejectReason",
    "ReorderProposal",
    "ReorderRun",
    "Rider",
    "RiderAction",
    "RiderPosition",
    "RiderStatus",
    "Role",
    "Scope",
    "SignInSession",
    "Stock",
    "StockAlert",
    "StockAudit",
    "StockBatch",
    "StockEntry",
    "StockReason",
    "Store",
    "StoreHours",
    "StoreStatus",
    "StoreZone",
    "Stream",
    "Substitution",
    "Supplier",
    "SupplierProduct",
    "Tender",
    "Ticket",
    "TicketAction",
    "TicketKind",
    "TicketMessage",
    "TicketPriority",
    "TicketStatus",
    "Unserved",
    "Vehicle",
    "WasteSource",
    "Weekday",
    "ZoneFault",
    "uuid7",
]
