"""Root fields of the shop window."""

import strawberry

from resolvers import storefront as resolve
from schema.backing import field
from schema.storefront import Storefront


@strawberry.type
class Query:
    storefront: Storefront | None = field(resolve.storefront, "What can be had at a place, now.")
