from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from dataloaders import orders as load
from models.catalog import Product
from models.orders import OrderChange, OrderChangeAction, OrderChangeStatus
from resolvers.orders import changes as resolve
from schema.backing import backed_by, column, field, related
from schema.carts.basket_problems import (
    AgeConfirmationRequiredType,
    BelowMinimumOrderType,
    EmptyCartType,
    InsufficientStockType,
    ProductUnavailableType,
    TotalChangedType,
)
from schema.fields import id_field, money_field
from schema.nodes import NodeType
from schema.orders.order_problems import UnpaidUnitLimitType
from schema.payments.payments import PaymentType
from schema.problems import (
    InvalidInputType,
    InvalidTransitionType,
    NotFoundType,
    ProblemType,
    VersionConflictType,
)
from schema.scalars import MoneyType
from schema.stores.stores import NotServiceableType
from services.checkout import line_guards

if TYPE_CHECKING:
    from schema.orders.orders import OrderType


@backed_by(OrderChange, "A change of a paid order: at once, or when its new total is authorized.")
class OrderChangeType(NodeType):
    id: strawberry.ID = id_field(OrderChange)
    status: OrderChangeStatus = column("Its status.")
    available_actions: list[OrderChangeAction] = field(
        resolve.available_actions, "The actions that the caller can take now."
    )
    version: int = column("Grows with each change of its status.")
    previous_total: MoneyType = money_field(
        "previous_total_minor", "Total of the order before the change."
    )
    total: MoneyType = money_field("total_minor", "Total of the order with the change.")
    payment: PaymentType | None = field(
        resolve.payment,
        "Payment attempt of the new total, which the customer has to confirm; null"
        " if the present authorization is enough.",
    )
    requested_at: datetime = column("Time when it was requested.")
    applied_at: datetime | None = column("Time when it took effect.")
    payment_due_at: datetime | None = column("Deadline for confirming its payment, while it waits.")


@backed_by(line_guards.LineAlreadyPicked, "The store has picked this product already.")
class LineAlreadyPickedType(ProblemType):
    product_id: strawberry.ID = id_field(Product, "The product's id.", by="product_id")


OrderChangeError = Annotated[
    NotFoundType
    | InvalidInputType
    | InvalidTransitionType
    | VersionConflictType
    | NotServiceableType
    | EmptyCartType
    | ProductUnavailableType
    | InsufficientStockType
    | UnpaidUnitLimitType
    | BelowMinimumOrderType
    | TotalChangedType
    | LineAlreadyPickedType
    | AgeConfirmationRequiredType,
    strawberry.union("OrderChangeError", description="Problems that `orderChange` can return."),
]
OrderChangeWithdrawError = Annotated[
    NotFoundType | InvalidTransitionType,
    strawberry.union(
        "OrderChangeWithdrawError", description="Problems that `orderChangeWithdraw` can return."
    ),
]
CHANGE = "The change as it is now; null when nothing was done."
ORDER = "The order as it is now."
ERRORS = "The problems; empty if the mutation succeeded."


@backed_by(resolve.OrderChangeOutcome, "Result of `orderChange`.")
class OrderChangePayload:
    order_change: OrderChangeType | None = column(CHANGE)
    order: Annotated["OrderType", strawberry.lazy("schema.orders.orders")] | None = related(
        load.order_by_id, ORDER, by="order_id"
    )
    errors: list[OrderChangeError] = column(ERRORS)


@backed_by(resolve.OrderChangeOutcome, "Result of `orderChangeWithdraw`.")
class OrderChangeWithdrawPayload:
    order_change: OrderChangeType | None = column(CHANGE)
    order: Annotated["OrderType", strawberry.lazy("schema.orders.orders")] | None = related(
        load.order_by_id, ORDER, by="order_id"
    )
    errors: list[OrderChangeWithdrawError] = column(ERRORS)
