from typing import Annotated

import strawberry

from resolvers import handling as resolve
from schema.backing import backed_by, column
from schema.problem import InvalidInput, NotFound
from schema.product import Product

ProductHandlingSetError = Annotated[
    NotFound | InvalidInput,
    strawberry.union("ProductHandlingSetError", description="Why the product stays as it is."),
]


@backed_by(resolve.HandlingOutcome, "What productHandlingSet did.")
class ProductHandlingSetPayload:
    product: Product | None = column("The product as it is now; null when nothing was done.")
    errors: list[ProductHandlingSetError] = column("Every reason why nothing was done.")
