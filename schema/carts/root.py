"""Root fields of carts."""

import strawberry

from resolvers.carts import carts as cart_resolvers
from resolvers.rules import CUSTOMER
from schema.backing import mutation
from schema.carts.carts import CartLinesSetPayload


@strawberry.type
class CartMutation:
    cart_lines_set: CartLinesSetPayload | None = mutation(
        cart_resolvers.set_lines,
        "Put products in your cart, change how many, or take them out.",
        allow=CUSTOMER,
    )
