from typing import Annotated

import strawberry

from resolvers.catalog import listings as resolve
from schema.backing import backed_by, column
from schema.catalog.products import Product
from schema.problems import InvalidInput, NotFound, VersionConflict

ListingSetAvailabilityError = Annotated[
    NotFound | VersionConflict,
    strawberry.union("ListingSetAvailabilityError", description="Why the switch stays as it is."),
]
ListingSetPriceError = Annotated[
    NotFound | InvalidInput | VersionConflict,
    strawberry.union("ListingSetPriceError", description="Why the price stays as it is."),
]


@backed_by(resolve.ListingOutcome, "What listingSetAvailability did.")
class ListingSetAvailabilityPayload:
    product: Product | None = column("The product as the store now offers it.")
    errors: list[ListingSetAvailabilityError] = column("Every reason why nothing was done.")


@backed_by(resolve.ListingOutcome, "What listingSetPrice did.")
class ListingSetPricePayload:
    product: Product | None = column("The product as the store now offers it.")
    errors: list[ListingSetPriceError] = column("Every reason why nothing was done.")
