"""The payloads of checking the age and handing an order to the customer who collects it."""

from typing import TYPE_CHECKING, Annotated

import strawberry

from resolvers.fulfillment import fulfillments as resolve
from schema.backing import backed_by, column
from schema.delivery.delivery_steps import InvalidHandoverCodeType
from schema.problems import (
    InvalidInputType,
    InvalidTransitionType,
    NotFoundType,
    VersionConflictType,
)

if TYPE_CHECKING:
    from schema.fulfillment.fulfillments import FulfillmentType

FulfillmentCollectError = Annotated[
    NotFoundType
    | InvalidTransitionType
    | VersionConflictType
    | InvalidInputType
    | InvalidHandoverCodeType,
    strawberry.union(
        "FulfillmentCollectError", description="Problems that `fulfillmentCollect` can return."
    ),
]

FulfillmentCheckAgeError = Annotated[
    NotFoundType | InvalidTransitionType | VersionConflictType | InvalidInputType,
    strawberry.union(
        "FulfillmentCheckAgeError", description="Problems that `fulfillmentCheckAge` can return."
    ),
]


@backed_by(resolve.FulfillmentOutcome, "Result of `fulfillmentCheckAge`.")
class FulfillmentCheckAgePayload:
    fulfillment: (
        Annotated["FulfillmentType", strawberry.lazy("schema.fulfillment.fulfillments")] | None
    ) = column("The fulfillment as it is now; null when nothing was done.")
    errors: list[FulfillmentCheckAgeError] = column(
        "The problems; empty if the mutation succeeded."
    )


@backed_by(resolve.FulfillmentOutcome, "Result of `fulfillmentCollect`.")
class FulfillmentCollectPayload:
    fulfillment: (
        Annotated["FulfillmentType", strawberry.lazy("schema.fulfillment.fulfillments")] | None
    ) = column("The fulfillment as it is now; null when nothing was done.")
    errors: list[FulfillmentCollectError] = column("The problems; empty if the mutation succeeded.")
