from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from dataloaders import catalog as load_catalog
from models.catalog import Product
from models.fulfillment import Substitution, SubstitutionAction, SubstitutionStatus
from models.orders import OrderLine
from resolvers.fulfillment import fulfillments
from resolvers.fulfillment import substitutions as resolve
from schema.backing import backed_by, column, field, related
from schema.carts.basket_problems import AgeConfirmationRequiredType, InsufficientStockType
from schema.catalog.product_codes import AmbiguousProductCodeType
from schema.catalog.weights import TooHeavyType, TooLightType
from schema.fields import id_field, money_field
from schema.nodes import NodeType
from schema.problems import (
    InvalidInputType,
    InvalidTransitionType,
    NotFoundType,
    ProblemType,
    VersionConflictType,
)
from schema.scalars import MoneyType
from services.fulfillment import substitutions

if TYPE_CHECKING:
    from schema.catalog.products import ProductType
    from schema.fulfillment.fulfillments import FulfillmentType


@backed_by(Substitution, "A substitute that is proposed for missing units of a product.")
class SubstitutionType(NodeType):
    id: strawberry.ID = id_field(Substitution)
    status: SubstitutionStatus = column("Its status.")
    available_actions: list[SubstitutionAction] = field(
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
    weight_grams: int | None = column("Weight, for products sold by weight.")
    unit_price: MoneyType = money_field(
        "unit_price_minor", "Unit price of the substitute in the store, tax included."
    )
    total: MoneyType = money_field(
        "total_minor", "Charged price: at most that of the missing units."
    )
    answer_due_at: datetime | None = column(
        "Deadline of the answer, after which the preference of the line decides."
        " Null after the decision."
    )
    proposed_at: datetime = column("Time when it was proposed.")
    answered_at: datetime | None = column("Time of the decision.")


@backed_by(substitutions.SubstitutionNotAllowed, "The customer prefers a refund to substitutes.")
class SubstitutionNotAllowedType(ProblemType):
    pass


SubstitutionProposeError = Annotated[
    NotFoundType
    | InvalidTransitionType
    | VersionConflictType
    | InvalidInputType
    | SubstitutionNotAllowedType
    | AgeConfirmationRequiredType
    | AmbiguousProductCodeType
    | InsufficientStockType
    | TooLightType
    | TooHeavyType,
    strawberry.union(
        "SubstitutionProposeError",
        description="Problems that `substitutionPropose` can return.",
    ),
]
OrderSubstituteAnswerError = Annotated[
    NotFoundType | InvalidTransitionType,
    strawberry.union(
        "OrderSubstituteAnswerError",
        description="Problems that `orderSubstituteAnswer` can return.",
    ),
]
ERRORS = "The problems; empty if the mutation succeeded."


@backed_by(fulfillments.FulfillmentOutcome, "Result of `substitutionPropose`.")
class SubstitutionProposePayload:
    fulfillment: (
        Annotated["FulfillmentType", strawberry.lazy("schema.fulfillment.fulfillments")] | None
    ) = column("The fulfillment as it is now; null when nothing was done.")
    errors: list[SubstitutionProposeError] = column(ERRORS)


@backed_by(resolve.SubstituteOutcome, "Result of `orderSubstituteAnswer`.")
class OrderSubstituteAnswerPayload:
    substitution: SubstitutionType | None = column(
        "The proposed substitute after the mutation; null if it was rejected."
    )
    errors: list[OrderSubstituteAnswerError] = column(ERRORS)
