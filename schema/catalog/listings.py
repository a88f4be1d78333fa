from typing import Annotated

import strawberry

from resolvers.catalog import listings as resolve
from schema.backing import backed_by, column
from schema.catalog.products import ProductType
from schema.problems import InvalidInputType, NotFoundType, VersionConflictType

ListingAvailabilitySetError = Annotated[
    NotFoundType | VersionConflictType,
    strawberry.union(
        "ListingAvailabilitySetError",
        description="Problems that `listingAvailabilitySet` can return.",
    ),
]
ListingPriceSetError = Annotated[
    NotFoundType | InvalidInputType | VersionConflictType,
    strawberry.union(
        "ListingPriceSetError", description="Problems that `listingPriceSet` can return."
    ),
]


@backed_by(resolve.ListingOutcome, "Result of `listingAvailabilitySet`.")
class ListingAvailabilitySetPayload:
    product: ProductType | None = column("The product as the store sells it now.")
    errors: list[ListingAvailabilitySetError] = column(
        "The problems; empty if the mutation succeeded."
    )


@backed_by(resolve.ListingOutcome, "Result of `listingPriceSet`.")
class ListingPriceSetPayload:
    product: ProductType | None = column("The product as the store sells it now.")
    errors: list[ListingPriceSetError] = column("The problems; empty if the mutation succeeded.")
