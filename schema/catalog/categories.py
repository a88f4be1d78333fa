from typing import TYPE_CHECKING, Annotated

import strawberry

from models.catalog import Category
from resolvers.catalog import storefronts as resolve
from schema.backing import backed_by, column, field
from schema.fields import key, translated
from schema.nodes import NodeType
from schema.pages import ConnectionType
from services.catalog import categories

if TYPE_CHECKING:
    from schema.catalog.products import ProductType


@backed_by(categories.Shelf, "A branch of the category tree, as one store fills it.")
class CategoryType(NodeType):
    id: strawberry.ID = key(Category)
    slug: str = column("A name for addresses, unique in the company.")
    name: str = translated("name", "Its name, in the language of the request where there is one.")
    children: list["CategoryType"] = field(
        resolve.below, "The branches below it in which the store lists something."
    )
    product_count: int | None = field(
        resolve.counted, "Products listed here and below; null where no store is in question."
    )
    products: (
        ConnectionType[Annotated["ProductType", strawberry.lazy("schema.catalog.products")]] | None
    ) = field(
        resolve.shelved, "Products listed here and below; null where no store is in question."
    )
