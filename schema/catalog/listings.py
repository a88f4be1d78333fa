from typing import Annotated

import strawberry

from resolvers.catalog import listings as resolve
from schema.backing import backed_by, column
from schema.catalog.products import ProductType
from schema.problems import InvalidInputType, NotFoundType, VersionConflictType

ListingSetAvailabilityError = Annotated[
    NotFoundType | VersionConflictType,
    strawberry.union("ListingSetAvailabilityError", description="Why the switch stays as it is."),
]
ListingSetPriceError = Annotated[
    NotFoundType | InvalidInputType | VersionConflictType,
    strawberry.union("ListingSetPriceError", description="Why the price stays as it is."),
]


@backed_by(resolve.ListingOutcome, "What listingSetAvailability did.")
class ListingSetAvailabilityPayload:
    product: ProductType | None = column("The product as the store now offers it.")
    errors: list[ListingSetAvailabilityError] = column("Every reason why nothing was done.")


@backed_by(resolve.ListingOutcome, "What listingSetPrice did.")
class ListingSetPricePayload:
    product: ProductType | None = column("The product as the store now offers it.")
    errors: list[ListingSetPriceError] = column("Every reason why nothing was done.")
