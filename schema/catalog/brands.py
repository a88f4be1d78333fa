import strawberry

from models.catalog import Brand
from schema.backing import backed_by, column
from schema.fields import id_field, translated_field
from schema.nodes import NodeType
from services.catalog import listed_products


@backed_by(listed_products.BrandRef, "A maker's name, as the products of a company carry it.")
class BrandType(NodeType):
    id: strawberry.ID = id_field(Brand)
    slug: str = column("A name for addresses, unique in the company.")
    name: str = translated_field(
        "name", "Its name, in the language of the request where there is one."
    )
