from datetime import date
from typing import Annotated

import strawberry

from dataloaders import catalog as load
from resolvers.catalog import product_codes as resolve
from schema.backing import backed_by, column, related
from schema.catalog.products import ProductType
from schema.companies.companies import CompanyType
from schema.problems import InvalidInputType, NotFoundType, ProblemType
from schema.scalars import MoneyType
from services.catalog import code_lookup, product_barcodes


@backed_by(resolve.ScannedProduct, "A product of a store, with the data in its scanned code.")
class ScannedProductType:
    product: ProductType = column("The product, as the store lists it.")
    barcodes: list[str] = column("The barcodes of the product, the main one first.")
    batch_code: str | None = column("Code of the batch, if it is in the code.")
    sell_by_date: date | None = column("Last day of sale, if it is in the code.")
    weight_grams: int | None = column("Weight, if it is in the code.")
    label_price: MoneyType | None = column("Price on the label of a scale.")


@backed_by(
    product_barcodes.BarcodeTaken,
    "Another product of the company has one of these codes, as its own code or as a barcode.",
)
class BarcodeTakenType(ProblemType):
    pass


@backed_by(code_lookup.AmbiguousProductCode, "Several products have the scanned code.")
class AmbiguousProductCodeType(ProblemType):
    candidates: list[ProductType] = related(
        load.products_by_ids,
        "The products with this code, at most 10, outside any store.",
        by="candidate_ids",
    )


ProductBarcodesSetError = Annotated[
    NotFoundType | InvalidInputType | BarcodeTakenType,
    strawberry.union(
        "ProductBarcodesSetError", description="Problems that `productBarcodesSet` can return."
    ),
]


@backed_by(resolve.ProductBarcodesOutcome, "Result of `productBarcodesSet`.")
class ProductBarcodesSetPayload:
    product: ProductType | None = column("The product as it is now; null when nothing was done.")
    barcodes: list[str] | None = column("Its barcodes, the main one first.")
    errors: list[ProductBarcodesSetError] = column("The problems; empty if the mutation succeeded.")


CompanyScaleLabelsSetError = Annotated[
    NotFoundType | InvalidInputType,
    strawberry.union(
        "CompanyScaleLabelsSetError",
        description="Problems that `companyScaleLabelsSet` can return.",
    ),
]


@backed_by(resolve.ScaleLabelsOutcome, "Result of `companyScaleLabelsSet`.")
class CompanyScaleLabelsSetPayload:
    company: CompanyType | None = column("The company as it is now; null when nothing was done.")
    errors: list[CompanyScaleLabelsSetError] = column(
        "The problems; empty if the mutation succeeded."
    )
