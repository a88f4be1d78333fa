from typing import Annotated

import strawberry

from resolvers.catalog import product_handling as resolve
from schema.backing import backed_by, column
from schema.catalog.products import Product
from schema.companies.companies import Company
from schema.problems import InvalidInput, NotFound, Problem
from services.catalog import product_handling


@backed_by(
    product_handling.PricesPlanned, "Stores have planned prices of it: of a piece, or a kilogram."
)
class PricesPlanned(Problem):
    stores: int = column("How many stores have.")


ProductHandlingSetError = Annotated[
    NotFound | InvalidInput | PricesPlanned,
    strawberry.union("ProductHandlingSetError", description="Why the product stays as it is."),
]


@backed_by(resolve.HandlingOutcome, "What productHandlingSet did.")
class ProductHandlingSetPayload:
    product: Product | None = column("The product as it is now; null when nothing was done.")
    errors: list[ProductHandlingSetError] = column("Every reason why nothing was done.")


CompanyHeadroomSetError = Annotated[
    NotFound | InvalidInput,
    strawberry.union("CompanyHeadroomSetError", description="Why the headroom stays as it is."),
]


@backed_by(resolve.HeadroomOutcome, "What companyHeadroomSet did.")
class CompanyHeadroomSetPayload:
    company: Company | None = column("The company as it is now; null when nothing was done.")
    errors: list[CompanyHeadroomSetError] = column("Every reason why nothing was done.")
