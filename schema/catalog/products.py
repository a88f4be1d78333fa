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
    "A product. Within a store it has a price and an availability; they are null where no store"
    " is in question.",
)
class ProductType(NodeType):
    id: strawberry.ID = id_field(Product)
    code: str = column("The company's own code, printed on the shelf.")
    barcode: str | None = column("The code under the bars, where it is known.")
    name: str = translated_field(
        "name", "Its name, in the language of the request where there is one."
    )
    brand: BrandType | None = column("Who makes it, where it is known.")
    category: CategoryType = column("Where it stands in the tree.")
    price: MoneyType | None = money_field(
        "price_minor",
        "What one costs in this store, tax included; of what is sold by weight it is an estimate.",
    )
    kilo_price: MoneyType | None = money_field(
        "kilo_price_minor",
        "What a kilogram costs in this store, tax included; null where it is sold by the piece.",
    )
    availability: Availability | None = column("How much of it this store has.")
    offer_text: str = column("A printed offer, as the shop words it; empty without one.")
    aisle: str = column("Where it stands in the store; empty when nobody said.")
    temperature_zone: TemperatureZone = column("How cold it is kept.")
    weighed: bool = column("Whether it is sold by weight.")
    unit_grams: int | None = column(
        "What one weighs, about; null where it is sold by the piece. Stock counts pieces always."
    )
    age_restricted: bool = column("Whether the customer's age is checked at the door.")
    listing_version: int | None = column(
        "Grows when price or switch change in this store: pass it as expectedVersion."
    )
