"""Root fields of how products are kept and sold."""

import strawberry

from resolvers import handling as resolve
from resolvers.rules import COMPANY
from schema.backing import mutation
from schema.handling import CompanyHeadroomSetPayload, ProductHandlingSetPayload


@strawberry.type
class Mutation:
    product_handling_set: ProductHandlingSetPayload = mutation(
        resolve.set_handling, "Say how a product is kept in every store.", allow=COMPANY
    )
    company_headroom_set: CompanyHeadroomSetPayload = mutation(
        resolve.set_headroom,
        "Say how much is held beyond the estimate of what is sold by weight.",
        allow=COMPANY,
    )
