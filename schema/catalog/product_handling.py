from typing import Annotated

import strawberry

from resolvers.catalog import product_handling as resolve
from schema.backing import backed_by, column
from schema.catalog.products import ProductType
from schema.problems import InvalidInputType, NotFoundType, ProblemType
from services.catalog import product_handling


@backed_by(
    product_handling.ScheduledPricesExist,
    "Stores have scheduled prices of this product, per piece or per kilogram.",
)
class ScheduledPricesExistType(ProblemType):
    store_count: int = column("Number of stores.")


ProductUpdateError = Annotated[
    NotFoundType | InvalidInputType | ScheduledPricesExistType,
    strawberry.union("ProductUpdateError", description="Problems that `productUpdate` can return."),
]


@backed_by(resolve.ProductHandlingOutcome, "Result of `productUpdate`.")
class ProductUpdatePayload:
    product: ProductType | None = column("The product as it is now; null when nothing was done.")
    errors: list[ProductUpdateError] = column("The problems; empty if the mutation succeeded.")
