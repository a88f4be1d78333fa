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
        "Adds products to the cart, changes their quantities, or removes them.",
        allow=CUSTOMER,
    )
