"""Errors of orders that wait for payment, and the problems that `orderPlace` can return."""

from typing import Annotated

import strawberry

from models.catalog import Product
from schema.backing import backed_by, column
from schema.carts.basket_problems import (
    AgeConfirmationRequiredType,
    BelowMinimumOrderType,
    DeliveryEstimateChangedType,
    EmptyCartType,
    InsufficientStockType,
    LineLimitType,
    ProductUnavailableType,
    ServiceOverloadedType,
    TotalChangedType,
)
from schema.fields import id_field
from schema.problems import InvalidInputType, NotFoundType, ProblemType, VersionConflictType
from schema.stores.stores import NotServiceableType, PickupUnavailableType
from services.checkout import unpaid_limits


@backed_by(
    unpaid_limits.UnpaidOrderLimit,
    "Too many orders of this customer, device or network wait for payment.",
)
class UnpaidOrderLimitType(ProblemType):
    limit: int = column("The maximum number of waiting orders.")
    retry_after_seconds: int = column("Seconds after which to try again.")


@backed_by(
    unpaid_limits.UnpaidUnitLimit,
    "Too many units of a product would wait for payment: order fewer, or pay first.",
)
class UnpaidUnitLimitType(ProblemType):
    product_id: strawberry.ID = id_field(Product, "The product.", by="product_id")


OrderPlaceError = Annotated[
    NotFoundType
    | InvalidInputType
    | NotServiceableType
    | EmptyCartType
    | LineLimitType
    | VersionConflictType
    | ProductUnavailableType
    | InsufficientStockType
    | AgeConfirmationRequiredType
    | BelowMinimumOrderType
    | TotalChangedType
    | DeliveryEstimateChangedType
    | PickupUnavailableType
    | UnpaidOrderLimitType
    | UnpaidUnitLimitType
    | ServiceOverloadedType,
    strawberry.union("OrderPlaceError", description="Problems that `orderPlace` can return."),
]
