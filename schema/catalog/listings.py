from typing import Annotated

import strawberry

from resolvers.catalog import listings as resolve
from schema.backing import backed_by, column
from schema.catalog.products import ProductType
from schema.problems import InvalidInputType, NotFoundType, VersionConflictType

ListingSetAvailabilityError = Annotated[
    NotFoundType | VersionConflictType,
    strawberry.union(
        "ListingSetAvailabilityError",
        description="Problems that `listingSetAvailability` can return.",
    ),
]
ListingSetPriceError = Annotated[
    NotFoundType | InvalidInputType | VersionConflictType,
    strawberry.union(
        "ListingSetPriceError", description="Problems that `listingSetPrice` can return."
    ),
]


@backed_by(resolve.ListingOutcome, "Result of `listingSetAvailability`.")
class ListingSetAvailabilityPayload:
    product: ProductType | None = column("The product as the store sells it now.")
    errors: list[ListingSetAvailabilityError] = column(
        "The problems; empty if the mutation succeeded."
    )


@backed_by(resolve.ListingOutcome, "Result of `listingSetPrice`.")
class ListingSetPricePayload:
    product: ProductType | None = column("The product as the store sells it now.")
    errors: list[ListingSetPriceError] = column("The problems; empty if the mutation succeeded.")
