from typing import Annotated

import strawberry

from resolvers.catalog import product_handling as resolve
from schema.backing import backed_by, column
from schema.catalog.products import ProductType
from schema.companies.companies import CompanyType
from schema.problems import InvalidInputType, NotFoundType, ProblemType
from services.catalog import product_handling


@backed_by(
    product_handling.PricesPlanned, "Stores have planned prices of it: of a piece, or a kilogram."
)
class PricesPlannedType(ProblemType):
    stores: int = column("How many stores have.")


ProductHandlingSetError = Annotated[
    NotFoundType | InvalidInputType | PricesPlannedType,
    strawberry.union("ProductHandlingSetError", description="Why the product stays as it is."),
]


@backed_by(resolve.ProductHandlingOutcome, "What productHandlingSet did.")
class ProductHandlingSetPayload:
    product: ProductType | None = column("The product as it is now; null when nothing was done.")
    errors: list[ProductHandlingSetError] = column("Every reason why nothing was done.")


CompanyHeadroomSetError = Annotated[
    NotFoundType | InvalidInputType,
    strawberry.union("CompanyHeadroomSetError", description="Why the headroom stays as it is."),
]


@backed_by(resolve.HeadroomOutcome, "What companyHeadroomSet did.")
class CompanyHeadroomSetPayload:
    company: CompanyType | None = column("The company as it is now; null when nothing was done.")
    errors: list[CompanyHeadroomSetError] = column("Every reason why nothing was done.")
