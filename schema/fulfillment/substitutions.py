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
from schema.carts.basket_problems import InsufficientStockType
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


@backed_by(Substitute, "A product in the bag for units of another that were not there.")
class SubstituteType(NodeType):
    id: strawberry.ID = id_field(Substitute)
    status: SubstituteStatus = column("Whether it waits for the customer, or how it ended.")
    available_actions: list[SubstituteAction] = field(
        resolve.available_actions, "What you can answer now."
    )
    order_line_id: strawberry.ID = id_field(
        OrderLine, "The line of the order that it stands for.", by="order_line_id"
    )
    product_id: strawberry.ID = id_field(Product, "The product's id.", by="product_id")
    product: Annotated["ProductType", strawberry.lazy("schema.catalog.products")] | None = related(
        load_catalog.product_by_store_and_id,
        "The product; null when the store does not list it any more.",
        by="place",
    )
    name: str = column("The product's name when it was proposed.")
    quantity: int = column("Units of it.")
    grams: int | None = column("What they weigh, where they are sold by weight.")
    unit_price: MoneyType = money_field(
        "unit_price_minor", "What the store asks for one, tax included."
    )
    total: MoneyType = money_field(
        "total_minor", "What they cost you: never more than the missing units would have."
    )
    due_at: datetime | None = column(
        "Until when to answer; then the wish on the line decides. Null once it is decided."
    )
    proposed_at: datetime = column("When it was proposed.")
    answered_at: datetime | None = column("When it was decided.")


@backed_by(substitutions.SubstituteUnwanted, "The customer would rather have the money back.")
class SubstituteUnwantedType(ProblemType):
    pass


FulfillmentSubstituteProposeError = Annotated[
    NotFoundType
    | IllegalStepType
    | VersionConflictType
    | InvalidInputType
    | SubstituteUnwantedType
    | InsufficientStockType
    | TooLightType
    | TooHeavyType,
    strawberry.union(
        "FulfillmentSubstituteProposeError", description="Why the customer was not asked."
    ),
]
OrderSubstituteAnswerError = Annotated[
    NotFoundType | IllegalStepType,
    strawberry.union("OrderSubstituteAnswerError", description="Why your word changes nothing."),
]
ERRORS = "Every reason why nothing was done."


@backed_by(fulfillments.FulfillmentOutcome, "What fulfillmentSubstitutePropose did.")
class FulfillmentSubstituteProposePayload:
    fulfillment: (
        Annotated["FulfillmentType", strawberry.lazy("schema.fulfillment.fulfillments")] | None
    ) = column("The fulfillment as it is now; null when nothing was done.")
    errors: list[FulfillmentSubstituteProposeError] = column(ERRORS)


@backed_by(resolve.SubstituteOutcome, "What orderSubstituteAnswer did.")
class OrderSubstituteAnswerPayload:
    substitute: SubstituteType | None = column(
        "The proposal as it is now; null when nothing was done."
    )
    errors: list[OrderSubstituteAnswerError] = column(ERRORS)
