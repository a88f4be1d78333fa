from typing import TYPE_CHECKING, Annotated

import strawberry

from models.stores import UnserviceableReason
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

UNSERVICEABLE = "; null if no store delivers there."


@backed_by(storefronts.Storefront, "The storefront of a location.")
class StorefrontType:
    location: GeoPointType = column("The location.")
    serviceable: bool = column("Whether a store delivers there now.")
    unserviceable_reason: UnserviceableReason | None = column("Why no store delivers there.")
    message: str = column("Message for people.")
    distance_to_nearest_zone_meters: int | None = column(
        "Metres to the nearest delivery zone: 0 inside of one; null when there is no zone at all."
    )
    store: StoreType | None = column("The nearest open store that delivers there.")
    company: Annotated["CompanyType", strawberry.lazy("schema.companies.companies")] | None = (
        column("The company of the store" + UNSERVICEABLE)
    )
    delivery_estimate: DeliveryEstimateType | None = column(
        "Delivery estimate and fee" + UNSERVICEABLE
    )
    pickup_estimate: DeliveryEstimateType | None = column(
        "Estimate of when an order can be collected; null if the store offers no pickup."
    )
    minimum_order: MoneyType | None = money_field(
        "minimum_order_minor", "Minimum value of the goods" + UNSERVICEABLE
    )
    delivery_fee: MoneyType | None = money_field(
        "delivery_fee_minor", "Delivery fee" + UNSERVICEABLE
    )
    free_delivery_threshold: MoneyType | None = money_field(
        "free_delivery_threshold_minor",
        "Value of goods from which delivery is free; null if it never is.",
    )
    small_order_fee: MoneyType | None = money_field(
        "small_order_fee_minor", "Fee for small orders" + UNSERVICEABLE
    )
    small_order_threshold: MoneyType | None = money_field(
        "small_order_threshold_minor",
        "Value of goods below which an order is small" + UNSERVICEABLE,
    )
    categories: list[CategoryType] | None = field(
        resolve.categories,
        "The top categories of the store without empty ones, at most 10 s old.",
    )
    category: CategoryType | None = field(resolve.category, "A category by its slug or id.")
    product: ProductType | None = field(resolve.product, "A product of the store.")
    products: ConnectionType[ProductType] | None = field(
        resolve.products_page, "The products of the store" + UNSERVICEABLE
    )
    search: ConnectionType[ProductType] | None = field(
        resolve.search_page,
        "Products of the store that match every word, best matches first, sold-out products last.",
    )
    cart: CartType | None = field(
        carts.cart, "The customer's cart at the company of the store; null if nobody is signed in."
    )
    active_order: OrderType | None = field(orders.active_order, "The customer's newest open order.")
