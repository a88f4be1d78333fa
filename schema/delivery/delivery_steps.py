"""The results of steps with deliveries: problems and payloads."""

from typing import Annotated

import strawberry

from models.delivery import DeliveryProof
from resolvers.delivery import deliveries as resolve
from schema.backing import backed_by, column
from schema.delivery.deliveries import DeliveryOfferType, DeliveryType
from schema.problems import InvalidInputType, InvalidTransitionType, NotFoundType, ProblemType
from services.delivery import delivery_codes, failed_attempts, rider_distance


@backed_by(delivery_codes.InvalidHandoverCode, "The code or PIN is wrong.")
class InvalidHandoverCodeType(ProblemType):
    attempts_remaining: int = column(
        "Number of attempts left; after that store or support must take the step."
    )


@backed_by(failed_attempts.NoShowWaitRequired, "The waiting time at the door is not over.")
class NoShowWaitRequiredType(ProblemType):
    retry_after_seconds: int = column("Seconds until the caller can give this reason.")


@backed_by(
    rider_distance.TooFar, "The rider's last position is too far from the place of the step."
)
class TooFarType(ProblemType):
    distance_meters: int = column("Distance of the rider in metres.")
    max_distance_meters: int = column("Maximum distance in metres.")


@backed_by(rider_distance.ProofMissing, "The step needs a proof; without it, support must act.")
class ProofMissingType(ProblemType):
    missing: list[DeliveryProof] = column("The proofs that are missing.")


DeliveryOfferAcceptError = Annotated[
    NotFoundType | InvalidTransitionType,
    strawberry.union(
        "DeliveryOfferAcceptError", description="Problems that `deliveryOfferAccept` can return."
    ),
]
DeliveryOfferDeclineError = Annotated[
    NotFoundType | InvalidTransitionType,
    strawberry.union(
        "DeliveryOfferDeclineError", description="Problems that `deliveryOfferDecline` can return."
    ),
]
DeliveryUnassignError = Annotated[
    NotFoundType | InvalidTransitionType,
    strawberry.union(
        "DeliveryUnassignError", description="Problems that `deliveryUnassign` can return."
    ),
]
DeliveryArriveProblem = NotFoundType | InvalidTransitionType | TooFarType
DeliveryArriveAtStoreError = Annotated[
    DeliveryArriveProblem,
    strawberry.union(
        "DeliveryArriveAtStoreError",
        description="Problems that `deliveryArriveAtStore` can return.",
    ),
]
DeliveryArriveAtCustomerError = Annotated[
    DeliveryArriveProblem,
    strawberry.union(
        "DeliveryArriveAtCustomerError",
        description="Problems that `deliveryArriveAtCustomer` can return.",
    ),
]
DeliveryCompleteError = Annotated[
    NotFoundType | InvalidTransitionType | InvalidInputType | InvalidHandoverCodeType | TooFarType,
    strawberry.union(
        "DeliveryCompleteError", description="Problems that `deliveryComplete` can return."
    ),
]
DeliveryReturnError = Annotated[
    NotFoundType
    | InvalidTransitionType
    | InvalidInputType
    | InvalidHandoverCodeType
    | TooFarType
    | ProofMissingType,
    strawberry.union(
        "DeliveryReturnError", description="Problems that `deliveryReturn` can return."
    ),
]
DeliveryOverrideProblem = NotFoundType | InvalidTransitionType | InvalidInputType
DeliveryCheckAgeError = Annotated[
    DeliveryOverrideProblem,
    strawberry.union(
        "DeliveryCheckAgeError", description="Problems that `deliveryCheckAge` can return."
    ),
]
DeliveryAttemptAgainError = Annotated[
    DeliveryOverrideProblem,
    strawberry.union(
        "DeliveryAttemptAgainError", description="Problems that `deliveryAttemptAgain` can return."
    ),
]
DeliveryStartReturnError = Annotated[
    DeliveryOverrideProblem,
    strawberry.union(
        "DeliveryStartReturnError", description="Problems that `deliveryStartReturn` can return."
    ),
]
DeliveryReassignError = Annotated[
    DeliveryOverrideProblem,
    strawberry.union(
        "DeliveryReassignError", description="Problems that `deliveryReassign` can return."
    ),
]
DeliveryPickUpError = Annotated[
    NotFoundType | InvalidTransitionType | InvalidHandoverCodeType,
    strawberry.union(
        "DeliveryPickUpError", description="Problems that `deliveryPickUp` can return."
    ),
]
DeliveryFailError = Annotated[
    NotFoundType
    | InvalidTransitionType
    | InvalidInputType
    | NoShowWaitRequiredType
    | TooFarType
    | ProofMissingType,
    strawberry.union("DeliveryFailError", description="Problems that `deliveryFail` can return."),
]
NOW = "The delivery as it is now; null when nothing was done."
ERRORS = "The problems; empty if the mutation succeeded."


@backed_by(resolve.DeliveryOutcome, "Result of `deliveryOfferAccept`.")
class DeliveryOfferAcceptPayload:
    delivery: DeliveryType | None = column(NOW)
    errors: list[DeliveryOfferAcceptError] = column(ERRORS)


@backed_by(resolve.DeliveryOfferOutcome, "Result of `deliveryOfferDecline`.")
class DeliveryOfferDeclinePayload:
    delivery_offer: DeliveryOfferType | None = column(
        "The offer as it is now; null when nothing was done."
    )
    errors: list[DeliveryOfferDeclineError] = column(ERRORS)


@backed_by(resolve.DeliveryOutcome, "Result of `deliveryArriveAtStore`.")
class DeliveryArriveAtStorePayload:
    delivery: DeliveryType | None = column(NOW)
    errors: list[DeliveryArriveAtStoreError] = column(ERRORS)


@backed_by(resolve.DeliveryOutcome, "Result of `deliveryPickUp`.")
class DeliveryPickUpPayload:
    delivery: DeliveryType | None = column(NOW)
    errors: list[DeliveryPickUpError] = column(ERRORS)


@backed_by(resolve.DeliveryOutcome, "Result of `deliveryArriveAtCustomer`.")
class DeliveryArriveAtCustomerPayload:
    delivery: DeliveryType | None = column(NOW)
    errors: list[DeliveryArriveAtCustomerError] = column(ERRORS)


@backed_by(resolve.DeliveryOutcome, "Result of `deliveryCheckAge`.")
class DeliveryCheckAgePayload:
    delivery: DeliveryType | None = column(NOW)
    errors: list[DeliveryCheckAgeError] = column(ERRORS)


@backed_by(resolve.DeliveryOutcome, "Result of `deliveryComplete`.")
class DeliveryCompletePayload:
    delivery: DeliveryType | None = column(NOW)
    errors: list[DeliveryCompleteError] = column(ERRORS)


@backed_by(resolve.DeliveryOutcome, "Result of `deliveryFail`.")
class DeliveryFailPayload:
    delivery: DeliveryType | None = column(NOW)
    errors: list[DeliveryFailError] = column(ERRORS)


@backed_by(resolve.DeliveryOutcome, "Result of `deliveryReturn`.")
class DeliveryReturnPayload:
    delivery: DeliveryType | None = column(NOW)
    errors: list[DeliveryReturnError] = column(ERRORS)


@backed_by(resolve.DeliveryOutcome, "Result of `deliveryAttemptAgain`.")
class DeliveryAttemptAgainPayload:
    delivery: DeliveryType | None = column(NOW)
    errors: list[DeliveryAttemptAgainError] = column(ERRORS)


@backed_by(resolve.DeliveryOutcome, "Result of `deliveryStartReturn`.")
class DeliveryStartReturnPayload:
    delivery: DeliveryType | None = column(NOW)
    errors: list[DeliveryStartReturnError] = column(ERRORS)


@backed_by(resolve.DeliveryOutcome, "Result of `deliveryReassign`.")
class DeliveryReassignPayload:
    delivery: DeliveryType | None = column(NOW)
    errors: list[DeliveryReassignError] = column(ERRORS)


@backed_by(resolve.DeliveryOutcome, "Result of `deliveryUnassign`.")
class DeliveryUnassignPayload:
    delivery: DeliveryType | None = column(NOW)
    errors: list[DeliveryUnassignError] = column(ERRORS)
