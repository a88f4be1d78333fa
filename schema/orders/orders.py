from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from dataloaders import delivery as load_delivery
from dataloaders import fulfillment as load_fulfillment
from dataloaders import orders as load
from dataloaders import payments as load_payments
from dataloaders import stores as load_stores
from models.carts import SubstitutionPreference
from models.catalog import Product
from models.events import OrderEventKind
from models.orders import (
    FulfillmentMethod,
    Order,
    OrderAction,
    OrderCancelReason,
    OrderLine,
    OrderReopenReason,
    OrderStage,
    OrderStatus,
)
from resolvers.orders import orders as resolve
from resolvers.rules import CUSTOMER_ALONE, STORE_OR_SUPPORT, SUPPORT
from schema.backing import backed_by, column, field, related
from schema.fields import id_field, money_field, private_field
from schema.geo_points import GeoPointType
from schema.nodes import NodeType
from schema.orders.age_checks import AgeCheckType
from schema.orders.cancellation import (
    CancellationFeeChangedType,
    CancelReasonNotAllowedType,
    OrderCancellationType,
)
from schema.orders.order_problems import OrderPlaceError
from schema.pages import ConnectionType
from schema.payments.payments import PaymentType, RefundType
from schema.problems import (
    InvalidInputType,
    InvalidTransitionType,
    NotFoundType,
    VersionConflictType,
)
from schema.scalars import MoneyType
from services.orders import timeline
from services.orders.personal_data import may_see_recipient

if TYPE_CHECKING:
    from schema.catalog.products import ProductType
    from schema.delivery.deliveries import DeliveryType
    from schema.fulfillment.fulfillments import FulfillmentType
    from schema.fulfillment.substitutions import SubstitutionType
    from schema.orders.changes import OrderChangeType
    from schema.stores.stores import StoreType


NOT_FOR_STAFF = "null for the store's staff before the payment and a day after the end"


@backed_by(OrderLine, "A line of an order, priced when the order was placed.")
class OrderLineType(NodeType):
    id: strawberry.ID = id_field(OrderLine)
    product_id: strawberry.ID = id_field(Product, "The product's id.", by="product_id")
    product: Annotated["ProductType", strawberry.lazy("schema.catalog.products")] | None = field(
        resolve.product,
        "The product as the store sells it now; null if it does not list it any more.",
    )
    position: int = column("Line number on the receipt, from 0.")
    name: str = column("Name of the product at the time of the order.")
    quantity: int = column("Ordered quantity.")
    packed_quantity: int | None = column("Packed quantity; null before packing.")
    substitution_preference: SubstitutionPreference = column(
        "What to do if units are missing at picking."
    )
    unit_price: MoneyType = money_field("unit_price_minor", "Unit price, tax included.")
    total: MoneyType = money_field(
        "total_minor", "Price of the line, tax included; an estimate for products sold by weight."
    )
    average_weight_grams: int | None = column(
        "Estimated unit weight; null for products sold by the piece."
    )
    price_per_kilogram: MoneyType | None = money_field(
        "price_per_kilogram_minor", "Price per kilogram; null for products sold by the piece."
    )
    packed_weight_grams: int | None = column(
        "Weight of the packed units; null for products sold by the piece."
    )
    final_total: MoneyType | None = money_field(
        "final_total_minor", "Price of the packed units, tax included; null before packing."
    )
    age_restricted: bool = column("Whether it is not sold to minors.")


@backed_by(timeline.OrderEvent, "An event of an order.")
class OrderEventType:
    cursor: str = column(
        "Its position in the order's stream; pass it as `after` to the timeline or to orderTracked."
    )
    type: OrderEventKind = column("Type of the event.")
    occurred_at: datetime = column("Time by the database's clock.")
    amount: MoneyType | None = money_field(
        "amount_minor",
        "The amount that it is about, if any; null for those who may not read it elsewhere.",
    )
    reason: str | None = column(
        "The reason, if one was given; null for those who may not read it elsewhere."
    )


@backed_by(
    Order, "An order of goods from one store, delivered to an address or collected in the store."
)
class OrderType(NodeType):
    id: strawberry.ID = id_field(Order)
    code: str = column("Short code for people, printed on the bags.")
    status: OrderStatus = column("The status of the order.")
    stage: OrderStage = field(
        resolve.order_stage,
        "The stage shown to customers, derived from order, payment, fulfillment and delivery.",
        loads=load.progress_by_order,
    )
    available_actions: list[OrderAction] = field(
        resolve.available_actions,
        "The actions that the caller can take now.",
        loads=load.progress_by_order,
    )
    version: int = column("Increases with each change of the order itself.")
    store: Annotated["StoreType", strawberry.lazy("schema.stores.stores")] | None = related(
        load_stores.store_by_id, "The store that fulfills it.", by="store_id"
    )
    lines: list[OrderLineType] = related(
        load.lines_by_order, "The ordered products.", pass_attributes=True
    )
    substitutions: list[
        Annotated["SubstitutionType", strawberry.lazy("schema.fulfillment.substitutions")]
    ] = related(load_fulfillment.substitutes_by_order, "Substitutes that the store proposed.")
    subtotal: MoneyType = money_field("subtotal_minor", "Price of the goods.")
    delivery_fee: MoneyType = money_field("delivery_fee_minor", "Delivery fee.")
    small_order_fee: MoneyType = money_field("small_order_fee_minor", "Fee for small orders.")
    discount: MoneyType = money_field("discount_minor", "Discount.")
    tip: MoneyType = money_field("tip_minor", "Tip; the rider gets all of it.")
    tax: MoneyType = money_field("tax_minor", "The tax that the total includes.")
    tax_rate_basis_points: int = column(
        "Tax rate that the prices include, in hundredths of a percent: the company's when the order"
        " was placed, whatever it is now.",
    )
    total: MoneyType = money_field("total_minor", "Goods + fees + tip - discount, tax included.")
    authorization_buffer: MoneyType = money_field(
        "authorization_buffer_minor",
        "Amount that is authorized beyond the total, for goods that may be heavier than estimated.",
    )
    final_total: MoneyType | None = money_field(
        "final_total_minor", "Charged amount, tax included; null before the order is packed."
    )
    final_tax: MoneyType | None = money_field(
        "final_tax_minor",
        "The tax that the charged amount includes; null before the order is packed.",
    )
    customer_name: str | None = private_field(
        "customer_name", f"Name of the customer; {NOT_FOR_STAFF}.", may_see_recipient
    )
    location: GeoPointType | None = private_field(
        "location",
        f"Delivery location, or that of the store for a pickup; {NOT_FOR_STAFF}.",
        may_see_recipient,
    )
    address_line: str | None = private_field(
        "address_line", f"Street, house and floor; {NOT_FOR_STAFF}.", may_see_recipient
    )
    delivery_instructions: str | None = private_field(
        "delivery_instructions", f"Note for the rider; {NOT_FOR_STAFF}.", may_see_recipient
    )
    dropoff_distance_meters: int = column("Straight-line distance from the store, in metres.")
    promise_p50_seconds: int = column("Seconds after promisedAt in which half of such orders come.")
    promise_p90_seconds: int = column("Seconds after promisedAt in which 90 % of such orders come.")
    method: FulfillmentMethod = column("Whether a rider brings it or the customer collects it.")
    promised_at: datetime = column(
        "Time of the estimate: when the order was placed, or when it moved to another store."
    )
    minimum_age: int | None = column("Minimum age, checked at the handover; null if none is.")
    age_checks: list[AgeCheckType] = related(
        load.age_checks_by_order, "The age checks, oldest first."
    )
    delivery_pin: str | None = field(
        resolve.delivery_pin,
        "PIN that the customer gives to the rider; null for everybody else, and for"
        " orders that the customer collects.",
        allow=CUSTOMER_ALONE,
    )
    pickup_code: str | None = field(
        resolve.pickup_code,
        "Code that the customer gives to the store when collecting the order; null"
        " for everybody else, and for orders that are delivered.",
        allow=CUSTOMER_ALONE,
    )
    pickup_due_at: datetime | None = column(
        "Deadline for collecting the packed order; null before packing, and for deliveries."
    )
    payment: PaymentType | None = related(
        load_payments.payment_by_order, "The current payment attempt."
    )
    changes: list[Annotated["OrderChangeType", strawberry.lazy("schema.orders.changes")]] = related(
        load.changes_by_order, "Requested changes of the paid order, oldest first."
    )
    payments: list[PaymentType] = related(
        load_payments.payments_by_order, "All payment attempts, oldest first."
    )
    refunds: list[RefundType] = related(load_payments.refunds_by_order, "Its refunds.")
    fulfillment: (
        Annotated["FulfillmentType", strawberry.lazy("schema.fulfillment.fulfillments")] | None
    ) = related(
        load_fulfillment.fulfillment_by_order, "The store's task; null before the order is paid."
    )
    delivery: Annotated["DeliveryType", strawberry.lazy("schema.delivery.deliveries")] | None = (
        related(
            load_delivery.delivery_by_order, "Its delivery; null before a store has accepted it."
        )
    )
    timeline: ConnectionType[OrderEventType] | None = field(
        resolve.order_timeline, "Its events, oldest first.", cost=5
    )
    cancellation: OrderCancellationType | None = field(
        resolve.cancellation_terms,
        "Terms on which the caller can cancel it now; null if they cannot.",
        loads=load.progress_by_order,
    )
    cancellation_fee: MoneyType = money_field(
        "cancellation_fee_minor", "Fee that was charged because it was canceled during picking."
    )
    cancel_reason: OrderCancelReason | None = column("Why it was canceled.")
    cancel_note: str | None = column(
        "Details of the reason, in the words of who canceled it; may name persons.",
        allow=STORE_OR_SUPPORT,
    )
    placed_at: datetime = column("Time when it was placed.")
    confirmed_at: datetime | None = column(
        "Time when the payment was authorized and the store was notified."
    )
    completed_at: datetime | None = column("Time of the handover to the customer.")
    canceled_at: datetime | None = column("Time when it was canceled.")
    reopened_at: datetime | None = column("Time when support reopened it after a mistake.")
    reopen_reason: OrderReopenReason | None = column("Why support reopened it.")
    reopen_note: str | None = column("Details of that, in support's words.", allow=SUPPORT)
    cancel_offered_at: datetime | None = column(
        "Since when the customer may cancel with a full refund, because no rider was found."
    )
    payment_due_at: datetime | None = column(
        "Deadline of the payment, while its stage is AWAITING_PAYMENT."
    )


OrderCancelError = Annotated[
    NotFoundType
    | InvalidInputType
    | InvalidTransitionType
    | CancelReasonNotAllowedType
    | CancellationFeeChangedType,
    strawberry.union("OrderCancelError", description="Problems that `orderCancel` can return."),
]
NOW = "The order as it is now; null when nothing was done."
ERRORS = "The problems; empty if the mutation succeeded."


@backed_by(resolve.OrderOutcome, "Result of `orderPlace`.")
class OrderPlacePayload:
    order: OrderType | None = column(NOW)
    payment: PaymentType | None = related(
        load_payments.payment_by_order, "The payment to confirm now.", by="order_id"
    )
    errors: list[OrderPlaceError] = column(ERRORS)


@backed_by(resolve.OrderOutcome, "Result of `orderCancel`.")
class OrderCancelPayload:
    order: OrderType | None = column(NOW)
    errors: list[OrderCancelError] = column(ERRORS)


OrderReopenError = Annotated[
    NotFoundType | InvalidInputType | InvalidTransitionType | VersionConflictType,
    strawberry.union("OrderReopenError", description="Problems that `orderReopen` can return."),
]


@backed_by(resolve.OrderOutcome, "Result of `orderReopen`.")
class OrderReopenPayload:
    order: OrderType | None = column(NOW)
    errors: list[OrderReopenError] = column(ERRORS)
