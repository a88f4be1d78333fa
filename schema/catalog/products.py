import strawberry

from models.catalog import Availability, Product, TemperatureZone
from schema.backing import backed_by, column
from schema.catalog.brands import BrandType
from schema.catalog.categories import CategoryType
from schema.fields import id_field, money_field, translated_field
from schema.nodes import NodeType
from schema.scalars import MoneyType
from services.catalog import listed_products


@backed_by(
    listed_products.ListedProduct,
    "A product. Within a store it has a price and an availability, which are null outside a store.",
)
class ProductType(NodeType):
    id: strawberry.ID = id_field(Product)
    sku: str = column("The company's own code of the product.")
    barcode: str | None = column("Barcode number, if known.")
    name: str = translated_field(
        "name", "Its name in the language of the request, if there is one."
    )
    brand: BrandType | None = column("Brand, if known.")
    category: CategoryType = column("Its category.")
    price: MoneyType | None = money_field(
        "price_minor",
        "Unit price in this store, tax included; an estimate for products sold by weight.",
    )
    price_per_kilogram: MoneyType | None = money_field(
        "price_per_kilogram_minor",
        "Price per kilogram in this store, tax included; null for products sold by the piece.",
    )
    availability: Availability | None = column("Its availability in this store.")
    promotion_label: str = column("Text of a promotional offer; empty without one.")
    aisle: str = column("Its aisle in the store; empty if unknown.")
    temperature_zone: TemperatureZone = column("Its storage temperature.")
    sold_by_weight: bool = column("Whether it is sold by weight.")
    average_weight_grams: int | None = column(
        "Estimated unit weight; null for products sold by the piece. Stock is"
        " always counted in pieces."
    )
    age_restricted: bool = column("Whether the customer's age is checked at the handover.")
    listing_version: int | None = column(
        "Increases with each change of price or availability in this store; pass it"
        " as expectedVersion."
    )
