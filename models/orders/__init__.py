from models.orders.age_checks import AgeCheck, AgeCheckDocument, AgeCheckResult
from models.orders.order_changes import OrderChange, OrderChangeAction, OrderChangeStatus
from models.orders.orders import (
    FulfillmentMethod,
    Order,
    OrderAction,
    OrderCancelReason,
    OrderLine,
    OrderReopenReason,
    OrderStage,
    OrderStatus,
)

__all__ = [
    "AgeCheck",
    "AgeCheckDocument",
    "AgeCheckResult",
    "FulfillmentMethod",
    "Order",
    "OrderAction",
    "OrderCancelReason",
    "OrderChange",
    "OrderChangeAction",
    "OrderChangeStatus",
    "OrderLine",
    "OrderReopenReason",
    "OrderStage",
    "OrderStatus",
]
