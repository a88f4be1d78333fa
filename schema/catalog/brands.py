import strawberry

from models.catalog import Brand
from schema.backing import backed_by, column
from schema.fields import id_field, translated_field
from schema.nodes import NodeType
from services.catalog import listed_products


@backed_by(listed_products.BrandRef, "A brand of a company's products.")
class BrandType(NodeType):
    id: strawberry.ID = id_field(Brand)
    slug: str = column("Name for URLs, unique in the company.")
    name: str = translated_field(
        "name", "Its name in the language of the request, if there is one."
    )
