from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

import models
from dataloaders import catalog as load_catalog
from resolvers.fulfillment import fulfillments
from resolvers.fulfillment import substitutions as resolve
from schema.backing import backed_by, column, field, related
from schema.carts.basket_problems import InsufficientStock
from schema.catalog.weights import TooHeavy, TooLight
from schema.fields import key, money
from schema.nodes import Node
from schema.problems import IllegalStep, InvalidInput, NotFound, Problem, VersionConflict
from schema.scalars import Money
from services.fulfillment import substitutions

if TYPE_CHECKING:
    from schema.catalog.products import Product
    from schema.fulfillment.fulfillments import Fulfillment


@backed_by(models.Substitute, "A product in the bag for units of another that were not there.")
class Substitute(Node):
    id: strawberry.ID = key(models.Substitute)
    status: models.SubstituteStatus = column("Whether it waits for the customer, or how it ended.")
    available_actions: list[models.SubstituteAction] = field(
        resolve.available_actions, "What you can answer now."
    )
    order_line_id: strawberry.ID = key(
        models.OrderLine, "The line of the order that it stands for.", by="order_line_id"
    )
    product_id: strawberry.ID = key(models.Product, "The product's id.", by="product_id")
    product: Annotated["Product", strawberry.lazy("schema.catalog.products")] | None = related(
        load_catalog.offer_by_store_and_product,
        "The product; null when the store does not list it any more.",
        by="place",
    )
    name: str = column("The product's name when it was proposed.")
    quantity: int = column("Units of it.")
    grams: int | None = column("What they weigh, where they are sold by weight.")
    unit_price: Money = money("unit_price_minor", "What the store asks for one, tax included.")
    total: Money = money(
        "total_minor", "What they cost you: never more than the missing units would have."
    )
    due_at: datetime | None = column(
        "Until when to answer; then the wish on the line decides. Null once it is decided."
    )
    proposed_at: datetime = column("When it was proposed.")
    answered_at: datetime | None = column("When it was decided.")


@backed_by(substitutions.SubstituteUnwanted, "The customer would rather have the money back.")
class SubstituteUnwanted(Problem):
    pass


FulfillmentSubstituteProposeError = Annotated[
    NotFound
    | IllegalStep
    | VersionConflict
    | InvalidInput
    | SubstituteUnwanted
    | InsufficientStock
    | TooLight
    | TooHeavy,
    strawberry.union(
        "FulfillmentSubstituteProposeError", description="Why the customer was not asked."
    ),
]
OrderSubstituteAnswerError = Annotated[
    NotFound | IllegalStep,
    strawberry.union("OrderSubstituteAnswerError", description="Why your word changes nothing."),
]
ERRORS = "Every reason why nothing was done."


@backed_by(fulfillments.FulfillmentOutcome, "What fulfillmentSubstitutePropose did.")
class FulfillmentSubstituteProposePayload:
    fulfillment: (
        Annotated["Fulfillment", strawberry.lazy("schema.fulfillment.fulfillments")] | None
    ) = column("The fulfillment as it is now; null when nothing was done.")
    errors: list[FulfillmentSubstituteProposeError] = column(ERRORS)


@backed_by(resolve.SubstituteOutcome, "What orderSubstituteAnswer did.")
class OrderSubstituteAnswerPayload:
    substitute: Substitute | None = column("The proposal as it is now; null when nothing was done.")
    errors: list[OrderSubstituteAnswerError] = column(ERRORS)
