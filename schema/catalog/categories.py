from typing import TYPE_CHECKING, Annotated

import strawberry

from models.catalog import Category
from resolvers.catalog import storefronts as resolve
from schema.backing import backed_by, column, field
from schema.fields import id_field, translated_field
from schema.nodes import NodeType
from schema.pages import ConnectionType
from services.catalog import categories

if TYPE_CHECKING:
    from schema.catalog.products import ProductType


@backed_by(categories.StoreCategory, "A branch of the category tree, as one store fills it.")
class CategoryType(NodeType):
    id: strawberry.ID = id_field(Category)
    slug: str = column("A name for addresses, unique in the company.")
    name: str = translated_field(
        "name", "Its name, in the language of the request where there is one."
    )
    children: list["CategoryType"] = field(
        resolve.category_children, "The branches below it in which the store lists something."
    )
    product_count: int | None = field(
        resolve.category_product_count,
        "Products listed here and below; null where no store is in question.",
    )
    products: (
        ConnectionType[Annotated["ProductType", strawberry.lazy("schema.catalog.products")]] | None
    ) = field(
        resolve.category_products,
        "Products listed here and below; null where no store is in question.",
    )
