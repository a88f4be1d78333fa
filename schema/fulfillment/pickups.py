"""The payloads of checking the age and handing an order to the customer who collects it."""

from typing import TYPE_CHECKING, Annotated

import strawberry

from resolvers.fulfillment import fulfillments as resolve
from schema.backing import backed_by, column
from schema.delivery.deliveries import WrongDeliveryCodeType
from schema.problems import (
    IllegalStepType,
    InvalidInputType,
    NotFoundType,
    VersionConflictType,
)

if TYPE_CHECKING:
    from schema.fulfillment.fulfillments import FulfillmentType

FulfillmentCollectError = Annotated[
    NotFoundType | IllegalStepType | VersionConflictType | WrongDeliveryCodeType,
    strawberry.union("FulfillmentCollectError", description="Why the bags stay in the store."),
]

FulfillmentCheckAgeError = Annotated[
    NotFoundType | IllegalStepType | VersionConflictType | InvalidInputType,
    strawberry.union("FulfillmentCheckAgeError", description="Why no check was recorded."),
]


@backed_by(resolve.FulfillmentOutcome, "What fulfillmentCheckAge did.")
class FulfillmentCheckAgePayload:
    fulfillment: (
        Annotated["FulfillmentType", strawberry.lazy("schema.fulfillment.fulfillments")] | None
    ) = column("The fulfillment as it is now; null when nothing was done.")
    errors: list[FulfillmentCheckAgeError] = column("Every reason why nothing was done.")


@backed_by(resolve.FulfillmentOutcome, "What fulfillmentCollect did.")
class FulfillmentCollectPayload:
    fulfillment: (
        Annotated["FulfillmentType", strawberry.lazy("schema.fulfillment.fulfillments")] | None
    ) = column("The fulfillment as it is now; null when nothing was done.")
    errors: list[FulfillmentCollectError] = column("Every reason why nothing was done.")
