from typing import TYPE_CHECKING, Annotated

import strawberry

from models.stores import Unserved
from resolvers.carts import carts
from resolvers.catalog import storefronts as resolve
from resolvers.orders import orders
from schema.backing import backed_by, column, field
from schema.carts.carts import CartType
from schema.catalog.categories import CategoryType
from schema.catalog.products import ProductType
from schema.fields import money_field
from schema.geo_points import GeoPointType
from schema.orders.orders import OrderType
from schema.pages import ConnectionType
from schema.scalars import MoneyType
from schema.stores.delivery_estimates import DeliveryEstimateType
from schema.stores.stores import StoreType
from services.catalog import storefronts

if TYPE_CHECKING:
    from schema.companies.companies import CompanyType

UNSERVICEABLE = "; null when nobody delivers there."


@backed_by(storefronts.Storefront, "The shop window at a place: what can be had there now.")
class StorefrontType:
    point: GeoPointType = column("The place.")
    serviceable: bool = column("Whether a store delivers there now.")
    reason: Unserved | None = column("Why none does.")
    message: str = column("A sentence about it for people.")
    distance_to_nearest_zone_m: int | None = column(
        "Metres to the nearest delivery zone: 0 inside of one; null when there is no zone at all."
    )
    store: StoreType | None = column("The nearest open store that delivers there.")
    company: Annotated["CompanyType", strawberry.lazy("schema.companies.companies")] | None = (
        column("The company that runs it" + UNSERVICEABLE)
    )
    promise: DeliveryEstimateType | None = column("How soon, and for what fee" + UNSERVICEABLE)
    pickup_promise: DeliveryEstimateType | None = column(
        "How soon you can collect an order from the store; null where it offers no pickup."
    )
    minimum_order: MoneyType | None = money_field(
        "minimum_order_minor", "What the goods must be worth at least" + UNSERVICEABLE
    )
    delivery_fee: MoneyType | None = money_field(
        "delivery_fee_minor", "The fee for delivery" + UNSERVICEABLE
    )
    free_delivery_from: MoneyType | None = money_field(
        "free_delivery_from_minor", "From which worth of goods delivery is free; null for never."
    )
    small_order_fee: MoneyType | None = money_field(
        "small_order_fee_minor", "The fee on small baskets" + UNSERVICEABLE
    )
    small_order_below: MoneyType | None = money_field(
        "small_order_below_minor", "Below which worth of goods a basket is small" + UNSERVICEABLE
    )
    categories: list[CategoryType] = field(
        resolve.categories,
        "The top of the store's category tree, without empty branches, as it was at most 10 s ago.",
    )
    category: CategoryType | None = field(resolve.category, "One branch, by its slug or its id.")
    product: ProductType | None = field(resolve.product, "One product, as the store offers it.")
    products: ConnectionType[ProductType] | None = field(
        resolve.products_page, "What the store lists" + UNSERVICEABLE
    )
    search: ConnectionType[ProductType] | None = field(
        resolve.search_page,
        "What the store lists that meets every word, the best first; what is sold out sinks.",
    )
    cart: CartType | None = field(
        carts.cart, "Your cart at the store's company; null for strangers."
    )
    active_order: OrderType | None = field(
        orders.active_order, "Your newest order that isn't over, if there is one."
    )
