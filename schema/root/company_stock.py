"""Root field of the stock of all stores together."""

import strawberry

from resolvers import company_stock as resolve
from resolvers.rules import COMPANY
from schema.backing import field
from schema.company_stock import ProductStock
from schema.page import Connection


@strawberry.type
class Query:
    company_stock: Connection[ProductStock] | None = field(
        resolve.listed,
        "What your company has in all its stores, product by product.",
        allow=COMPANY,
    )
