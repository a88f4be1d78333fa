from typing import TYPE_CHECKING, Annotated

import strawberry

import models
from resolvers.carts import carts
from resolvers.catalog import storefronts as resolve
from resolvers.orders import orders
from schema.backing import backed_by, column, field
from schema.carts.carts import Cart
from schema.catalog.categories import Category
from schema.catalog.products import Product
from schema.fields import money
from schema.geo_points import GeoPoint
from schema.orders.orders import Order
from schema.pages import Connection
from schema.scalars import Money
from schema.stores.delivery_estimates import Promise
from schema.stores.stores import Store
from services.catalog import storefronts

if TYPE_CHECKING:
    from schema.companies.companies import Company

NOBODY = "; null when nobody delivers there."


@backed_by(storefronts.Storefront, "The shop window at a place: what can be had there now.")
class Storefront:
    point: GeoPoint = column("The place.")
    serviceable: bool = column("Whether a store delivers there now.")
    reason: models.Unserved | None = column("Why none does.")
    message: str = column("A sentence about it for people.")
    distance_to_nearest_zone_m: int | None = column(
        "Metres to the nearest delivery zone: 0 inside of one; null when there is no zone at all."
    )
    store: Store | None = column("The nearest open store that delivers there.")
    company: Annotated["Company", strawberry.lazy("schema.companies.companies")] | None = column(
        "The company that runs it" + NOBODY
    )
    promise: Promise | None = column("How soon, and for what fee" + NOBODY)
    minimum_order: Money | None = money(
        "minimum_order_minor", "What the goods must be worth at least" + NOBODY
    )
    delivery_fee: Money | None = money("delivery_fee_minor", "The fee for delivery" + NOBODY)
    free_delivery_from: Money | None = money(
        "free_delivery_from_minor", "From which worth of goods delivery is free; null for never."
    )
    small_order_fee: Money | None = money(
        "small_order_fee_minor", "The fee on small baskets" + NOBODY
    )
    small_order_below: Money | None = money(
        "small_order_below_minor", "Below which worth of goods a basket is small" + NOBODY
    )
    categories: list[Category] = field(
        resolve.categories,
        "The top of the store's category tree, without empty branches, as it was at most 10 s ago.",
    )
    category: Category | None = field(resolve.category, "One branch, by its slug or its id.")
    product: Product | None = field(resolve.product, "One product, as the store offers it.")
    products: Connection[Product] | None = field(resolve.listed, "What the store lists" + NOBODY)
    search: Connection[Product] | None = field(
        resolve.searched,
        "What the store lists that meets every word, the best first; what is sold out sinks.",
    )
    cart: Cart | None = field(carts.cart, "Your cart at the store's company; null for strangers.")
    active_order: Order | None = field(
        orders.active, "Your newest order that isn't over, if there is one."
    )
