from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from dataloaders import catalog as load_catalog
from models.catalog import Product
from models.fulfillment import Substitute, SubstituteAction, SubstituteStatus
from models.orders import OrderLine
from resolvers.fulfillment import fulfillments
from resolvers.fulfillment import substitutions as resolve
from schema.backing import backed_by, column, field, related
from schema.carts.basket_problems import AgeConfirmationRequiredType, InsufficientStockType
from schema.catalog.product_codes import AmbiguousCodeType
from schema.catalog.weights import TooHeavyType, TooLightType
from schema.fields import id_field, money_field
from schema.nodes import NodeType
from schema.problems import (
    IllegalStepType,
    InvalidInputType,
    NotFoundType,
    ProblemType,
    VersionConflictType,
)
from schema.scalars import MoneyType
from services.fulfillment import substitutions

if TYPE_CHECKING:
    from schema.catalog.products import ProductType
    from schema.fulfillment.fulfillments import FulfillmentType


@backed_by(Substitute, "A substitute that is proposed for missing units of a product.")
class SubstituteType(NodeType):
    id: strawberry.ID = id_field(Substitute)
    status: SubstituteStatus = column("Its status.")
    available_actions: list[SubstituteAction] = field(
        resolve.available_actions, "The answers that the caller can give now."
    )
    order_line_id: strawberry.ID | None = id_field(
        OrderLine,
        "The line of the order that it replaces; null once the customer has removed that line.",
        by="order_line_id",
    )
    product_id: strawberry.ID = id_field(Product, "The product's id.", by="product_id")
    product: Annotated["ProductType", strawberry.lazy("schema.catalog.products")] | None = related(
        load_catalog.product_by_store_and_id,
        "The product; null if the store does not list it any more.",
        by="place",
    )
    name: str = column("The product's name when it was proposed.")
    quantity: int = column("Units of the substitute.")
    grams: int | None = column("Weight, for products sold by weight.")
    unit_price: MoneyType = money_field(
        "unit_price_minor", "Unit price of the substitute in the store, tax included."
    )
    total: MoneyType = money_field(
        "total_minor", "Charged price: at most that of the missing units."
    )
    due_at: datetime | None = column(
        "Deadline of the answer, after which the preference of the line decides."
        " Null after the decision."
    )
    proposed_at: datetime = column("Time when it was proposed.")
    answered_at: datetime | None = column("Time of the decision.")


@backed_by(substitutions.SubstituteUnwanted, "The customer prefers a refund to substitutes.")
class SubstituteUnwantedType(ProblemType):
    pass


FulfillmentSubstituteProposeError = Annotated[
    NotFoundType
    | IllegalStepType
    | VersionConflictType
    | InvalidInputType
    | SubstituteUnwantedType
    | AgeConfirmationRequiredType
    | AmbiguousCodeType
    | InsufficientStockType
    | TooLightType
    | TooHeavyType,
    strawberry.union(
        "FulfillmentSubstituteProposeError",
        description="Problems that `fulfillmentSubstitutePropose` can return.",
    ),
]
OrderSubstituteAnswerError = Annotated[
    NotFoundType | IllegalStepType,
    strawberry.union(
        "OrderSubstituteAnswerError",
        description="Problems that `orderSubstituteAnswer` can return.",
    ),
]
ERRORS = "The problems; empty if the mutation succeeded."


@backed_by(fulfillments.FulfillmentOutcome, "Result of `fulfillmentSubstitutePropose`.")
class FulfillmentSubstituteProposePayload:
    fulfillment: (
        Annotated["FulfillmentType", strawberry.lazy("schema.fulfillment.fulfillments")] | None
    ) = column("The fulfillment as it is now; null when nothing was done.")
    errors: list[FulfillmentSubstituteProposeError] = column(ERRORS)


@backed_by(resolve.SubstituteOutcome, "Result of `orderSubstituteAnswer`.")
class OrderSubstituteAnswerPayload:
    substitute: SubstituteType | None = column(
        "The proposed substitute after the mutation; null if it was rejected."
    )
    errors: list[OrderSubstituteAnswerError] = column(ERRORS)
