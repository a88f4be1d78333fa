from models.orders.order_changes import OrderChange, OrderChangeAction, OrderChangeStatus
from models.orders.orders import (
    AgeCheck,
    AgeCheckResult,
    AgeDocument,
    CancelReason,
    FulfillmentMethod,
    Order,
    OrderAction,
    OrderLine,
    OrderReopenReason,
    OrderStage,
    OrderStatus,
)

__all__ = [
    "AgeCheck",
    "AgeCheckResult",
    "AgeDocument",
    "CancelReason",
    "FulfillmentMethod",
    "Order",
    "OrderAction",
    "OrderChange",
    "OrderChangeAction",
    "OrderChangeStatus",
    "OrderLine",
    "OrderReopenReason",
    "OrderStage",
    "OrderStatus",
]
