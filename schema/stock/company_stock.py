"""GraphQL types of the stock of a company."""

from typing import TYPE_CHECKING, Annotated

import strawberry

from dataloaders import catalog as load_catalog
from dataloaders import stock as load
from models.catalog import Product
from models.companies import Company
from resolvers.rules import COMPANY
from schema.backing import backed_by, column, related
from schema.fields import id_field
from schema.stock.stock import StockType
from services.stock import company_stock

if TYPE_CHECKING:
    from schema.catalog.products import ProductType


@backed_by(company_stock.ProductStock, "What a company has of a product in all its stores.")
class ProductStockType:
    product_id: strawberry.ID = id_field(Product, "The product's id.", by="product_id")
    company_id: strawberry.ID = id_field(Company, "The company.", by="company_id")
    product: Annotated["ProductType", strawberry.lazy("schema.catalog.products")] | None = related(
        load_catalog.product_by_id, "The product, in no store in particular.", by="product_id"
    )
    on_hand: int | None = column("Units on all shelves.", allow=COMPANY)
    held: int | None = column(
        "Units of them promised to orders that are not paid yet.", allow=COMPANY
    )
    available: int | None = column("Units that can still be sold.", allow=COMPANY)
    incoming: int | None = column("Units on their way to its stores.", allow=COMPANY)
    damaged: int | None = column("Units that are there and not for sale.", allow=COMPANY)
    shelves: list[StockType] | None = related(
        load.stock_by_product, "The same, store by store.", by="product_id", allow=COMPANY
    )
