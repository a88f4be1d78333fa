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
from schema.stock.stock import StockLevelType
from services.stock import company_stock

if TYPE_CHECKING:
    from schema.catalog.products import ProductType


@backed_by(company_stock.CompanyStockLevel, "Stock of a product in all stores of a company.")
class CompanyStockLevelType:
    product_id: strawberry.ID = id_field(Product, "The product's id.", by="product_id")
    company_id: strawberry.ID = id_field(Company, "The company.", by="company_id")
    product: Annotated["ProductType", strawberry.lazy("schema.catalog.products")] | None = related(
        load_catalog.product_by_id, "The product outside a store.", by="product_id"
    )
    on_hand: int | None = column("Units on hand in all stores.", allow=COMPANY)
    reserved: int | None = column("Units reserved for orders that are not paid yet.", allow=COMPANY)
    available: int | None = column("Units that can still be sold.", allow=COMPANY)
    incoming: int | None = column("Units that are ordered or in transit.", allow=COMPANY)
    unsellable: int | None = column("Units that are set aside and not for sale.", allow=COMPANY)
    stock_levels: list[StockLevelType] | None = related(
        load.stock_by_product, "The stock levels of the stores.", by="product_id", allow=COMPANY
    )
