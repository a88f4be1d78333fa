from typing import TYPE_CHECKING, Annotated

import strawberry

import models
from resolvers.catalog import storefronts as resolve
from schema.backing import backed_by, column, field
from schema.fields import key, translated
from schema.nodes import Node
from schema.pages import Connection
from services.catalog import categories

if TYPE_CHECKING:
    from schema.catalog.products import Product


@backed_by(categories.Shelf, "A branch of the category tree, as one store fills it.")
class Category(Node):
    id: strawberry.ID = key(models.Category)
    slug: str = column("A name for addresses, unique in the company.")
    name: str = translated("name", "Its name, in the language of the request where there is one.")
    children: list["Category"] = field(
        resolve.below, "The branches below it in which the store lists something."
    )
    product_count: int | None = field(
        resolve.counted, "Products listed here and below; null where no store is in question."
    )
    products: (
        Connection[Annotated["Product", strawberry.lazy("schema.catalog.products")]] | None
    ) = field(
        resolve.shelved, "Products listed here and below; null where no store is in question."
    )
