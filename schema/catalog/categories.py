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


@backed_by(
    categories.StoreCategory,
    "A category; within a store it contains only products that the store lists.",
)
class CategoryType(NodeType):
    id: strawberry.ID = id_field(Category)
    slug: str = column("Name for URLs, unique in the company.")
    name: str = translated_field(
        "name", "Its name in the language of the request, if there is one."
    )
    children: list["CategoryType"] = field(
        resolve.category_children, "Its subcategories that contain products of the store."
    )
    product_count: int | None = field(
        resolve.category_product_count,
        "Number of products in it and its subcategories; null outside a store.",
    )
    products: (
        ConnectionType[Annotated["ProductType", strawberry.lazy("schema.catalog.products")]] | None
    ) = field(
        resolve.category_products,
        "Number of products in it and its subcategories; null outside a store.",
    )
