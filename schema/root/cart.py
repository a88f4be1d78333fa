"""Root fields of carts."""

import strawberry

from resolvers import cart as resolve
from resolvers.rules import CUSTOMER
from schema.backing import mutation
from schema.cart import CartLinesSetPayload


@strawberry.type
class Mutation:
    cart_lines_set: CartLinesSetPayload = mutation(
        resolve.set_lines,
        "Put products in your cart, change how many, or take them out.",
        allow=CUSTOMER,
    )
