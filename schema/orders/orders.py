from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from dataloaders import delivery as load_delivery
from dataloaders import fulfillment as load_fulfillment
from dataloaders import orders as load
from dataloaders import payments as load_payments
from dataloaders import stores as load_stores
from models.carts import Substitution
from models.catalog import Product
from models.events import EventType
from models.orders import (
    AgeCheck,
    AgeCheckResult,
    AgeDocument,
    CancelReason,
    FulfillmentMethod,
    Order,
    OrderAction,
    OrderLine,
    OrderStage,
    OrderStatus,
)
from resolvers.orders import orders as resolve
from resolvers.rules import CUSTOMER
from schema.backing import backed_by, column, field, related
from schema.carts.basket_problems import (
    AgeConfirmationRequiredType,
    BelowMinimumType,
    BusyType,
    EmptyCartType,
    InsufficientStockType,
    PriceChangedType,
    ProductUnavailableType,
)
from schema.fields import id_field, money_field, private_field
from schema.geo_points import GeoPointType
from schema.nodes import NodeType
from schema.orders.cancellation import (
    CancellationFeeChangedType,
    CancelReasonNotAllowedType,
    OrderCancellationType,
)
from schema.orders.order_problems import UnpaidOrderLimitType, UnpaidUnitLimitType
from schema.pages import ConnectionType
from schema.payments.payments import PaymentType, RefundType
from schema.problems import (
    IllegalStepType,
    InvalidInputType,
    NotFoundType,
    VersionConflictType,
)
from schema.scalars import MoneyType
from schema.stores.stores import NotServiceableType, PickupUnavailableType
from services.orders import timeline
from services.orders.personal_data import may_see_recipient

if TYPE_CHECKING:
    from schema.catalog.products import ProductType
    from schema.delivery.deliveries import DeliveryType
    from schema.fulfillment.fulfillments import FulfillmentType
    from schema.fulfillment.substitutions import SubstituteType
    from schema.orders.changes import OrderChangeType
    from schema.stores.stores import StoreType


NOT_FOR_STAFF = "null for the store's staff before it is paid and a day after its end"


@backed_by(OrderLine, "A product as it was priced when the order was placed.")
class OrderLineType(NodeType):
    id: strawberry.ID = id_field(OrderLine)
    product_id: strawberry.ID = id_field(Product, "The product's id.", by="product_id")
    product: Annotated["ProductType", strawberry.lazy("schema.catalog.products")] | None = field(
        resolve.product, "The product as the store sells it now; null when it no longer does."
    )
    position: int = column("Its place on the receipt, from 0.")
    name: str = column("The product's name when it was ordered.")
    quantity: int = column("How many were ordered.")
    packed_quantity: int | None = column("How many are in the bag; null before it is packed.")
    substitution: Substitution = column("What to do when the shelf has too few.")
    unit_price: MoneyType = money_field("unit_price_minor", "The price of one, tax included.")
    total: MoneyType = money_field(
        "total_minor", "The price of all, tax included; an estimate of what is sold by weight."
    )
    unit_grams: int | None = column("What one weighs, about; null where it is sold by the piece.")
    kilo_price: MoneyType | None = money_field(
        "kilo_price_minor", "What a kilogram costs; null where it is sold by the piece."
    )
    packed_grams: int | None = column("What those in the bag weigh, of what is sold by weight.")
    charged: MoneyType | None = money_field(
        "charged_minor", "What those in the bag cost, tax included; null before it is packed."
    )
    age_restricted: bool = column("Whether it is not sold to minors.")


@backed_by(AgeCheck, "A check of the customer's age at the handover.")
class AgeCheckType:
    minimum_age: int = column("The age it is about.")
    document: AgeDocument = column("What was shown; its number is not kept.")
    from_birth_date: bool = column(
        "Whether the age was computed from the date of birth, which is not kept either."
    )
    result: AgeCheckResult = column("Whether the customer is old enough.")
    checked_at: datetime = column("When.")


@backed_by(timeline.OrderEvent, "Something that happened to an order.")
class OrderEventType:
    cursor: str = column(
        "Its place in the order's stream: give it as `after` to the timeline or to orderTracked."
    )
    type: EventType = column("What happened.")
    at: datetime = column("When, by the database's clock.")
    amount: MoneyType | None = money_field(
        "amount_minor", "The sum it is about, if it is about one."
    )
    reason: str | None = column("Why, if somebody said so.")


@backed_by(Order, "One basket from one dark store, brought to one door or collected there.")
class OrderType(NodeType):
    id: strawberry.ID = id_field(Order)
    code: str = column("A short code for people, as on the bags.")
    status: OrderStatus = column("The customer's intent.")
    stage: OrderStage = field(
        resolve.order_stage,
        "Where it is on its way: derived from payment, store and ride.",
        loads=load.progress_by_order,
    )
    available_actions: list[OrderAction] = field(
        resolve.available_actions, "What you may do with it now.", loads=load.progress_by_order
    )
    version: int = column("Grows with each change of the order itself.")
    store: Annotated["StoreType", strawberry.lazy("schema.stores.stores")] | None = related(
        load_stores.store_by_id, "The store that brings it.", by="store_id"
    )
    lines: list[OrderLineType] = related(
        load.lines_by_order, "What was ordered.", pass_attributes=True
    )
    substitutes: list[
        Annotated["SubstituteType", strawberry.lazy("schema.fulfillment.substitutions")]
    ] = related(
        load_fulfillment.substitutes_by_order, "What the store proposed for what was missing."
    )
    items: MoneyType = money_field("items_minor", "The goods.")
    delivery_fee: MoneyType = money_field("delivery_fee_minor", "For bringing it.")
    small_order_fee: MoneyType = money_field(
        "small_order_fee_minor", "For an order below the threshold."
    )
    discount: MoneyType = money_field("discount_minor", "What was taken off.")
    tip: MoneyType = money_field("tip_minor", "For the rider, all of it.")
    tax: MoneyType = money_field("tax_minor", "The tax inside the total.")
    total: MoneyType = money_field("total_minor", "Goods + fees + tip - discount, tax included.")
    headroom: MoneyType = money_field(
        "headroom_minor",
        "What is held beyond the total, for what may turn out heavier than estimated.",
    )
    charged: MoneyType | None = money_field(
        "charged_minor", "What is taken for the bags, tax included; null before they are packed."
    )
    charged_tax: MoneyType | None = money_field(
        "charged_tax_minor", "The tax inside what is taken; null before the bags are packed."
    )
    customer_name: str | None = private_field(
        "customer_name", f"Whom it is for; {NOT_FOR_STAFF}.", may_see_recipient
    )
    point: GeoPointType | None = private_field(
        "point",
        f"Where it goes, or the store that it is collected from; {NOT_FOR_STAFF}.",
        may_see_recipient,
    )
    address_line: str | None = private_field(
        "address_line", f"Street, house and floor; {NOT_FOR_STAFF}.", may_see_recipient
    )
    drop_note: str | None = private_field(
        "drop_note", f"What the rider should know at the door; {NOT_FOR_STAFF}.", may_see_recipient
    )
    distance_m: int = column("From the store in a straight line, in metres.")
    promise_p50_seconds: int = column(
        "Half of such orders arrive within so many seconds after promisedAt."
    )
    promise_p90_seconds: int = column(
        "Nine of ten such orders arrive within so many seconds after promisedAt."
    )
    method: FulfillmentMethod = column("Whether a rider brings it or the customer collects it.")
    promised_at: datetime = column(
        "When the estimate was made: at placing, or when the order moved to another store."
    )
    minimum_age: int | None = column(
        "The age that you confirmed, which is checked at the handover; null where nothing is."
    )
    age_checks: list[AgeCheckType] = related(
        load.age_checks_by_order, "The checks of the customer's age, the first one first."
    )
    delivery_pin: str | None = field(
        resolve.delivery_pin,
        "What the customer tells the rider at the door; null for everybody else, and for orders"
        " that the customer collects.",
        allow=CUSTOMER,
    )
    pickup_code: str | None = field(
        resolve.pickup_code,
        "What the customer tells the store when collecting the order; null for everybody else, and"
        " for orders that a rider brings.",
        allow=CUSTOMER,
    )
    pickup_due_at: datetime | None = column(
        "Until when the packed order waits in the store; null before that, and for deliveries."
    )
    payment: PaymentType | None = related(
        load_payments.payment_by_order, "How it is paid: the current attempt."
    )
    changes: list[Annotated["OrderChangeType", strawberry.lazy("schema.orders.changes")]] = related(
        load.changes_by_order, "The changes of the paid order, the oldest first."
    )
    payments: list[PaymentType] = related(
        load_payments.payments_by_order, "Every attempt to pay it, the oldest first."
    )
    refunds: list[RefundType] = related(load_payments.refunds_by_order, "Money sent back.")
    fulfillment: (
        Annotated["FulfillmentType", strawberry.lazy("schema.fulfillment.fulfillments")] | None
    ) = related(
        load_fulfillment.fulfillment_by_order, "The store's work on it; null before it is paid."
    )
    delivery: Annotated["DeliveryType", strawberry.lazy("schema.delivery.deliveries")] | None = (
        related(load_delivery.delivery_by_order, "Its ride; null before a store has accepted it.")
    )
    timeline: ConnectionType[OrderEventType] = field(
        resolve.order_timeline, "What happened to it, the oldest first.", cost=5
    )
    cancellation: OrderCancellationType | None = field(
        resolve.cancellation_terms,
        "On which terms you may cancel it now; null when you may not.",
        loads=load.progress_by_order,
    )
    cancellation_fee: MoneyType = money_field(
        "cancellation_fee_minor", "What was charged because it was canceled during picking."
    )
    cancel_reason: CancelReason | None = column("Why it was called off, if it was.")
    cancel_note: str = column("The reason in somebody's own words.")
    placed_at: datetime = column("When it was placed.")
    confirmed_at: datetime | None = column("When the money was held and the store was told.")
    completed_at: datetime | None = column("When the customer got it.")
    canceled_at: datetime | None = column("When it was called off.")
    cancel_offered_at: datetime | None = column(
        "Since when the customer may cancel with a full refund, because no rider was found."
    )
    due_at: datetime | None = column(
        "Until when it has to be paid, while its stage is AWAITING_PAYMENT."
    )


OrderPlaceError = Annotated[
    NotFoundType
    | InvalidInputType
    | NotServiceableType
    | EmptyCartType
    | VersionConflictType
    | ProductUnavailableType
    | InsufficientStockType
    | AgeConfirmationRequiredType
    | BelowMinimumType
    | PriceChangedType
    | PickupUnavailableType
    | UnpaidOrderLimitType
    | UnpaidUnitLimitType
    | BusyType,
    strawberry.union("OrderPlaceError", description="Why nothing was ordered."),
]
OrderCancelError = Annotated[
    NotFoundType
    | InvalidInputType
    | IllegalStepType
    | CancelReasonNotAllowedType
    | CancellationFeeChangedType,
    strawberry.union("OrderCancelError", description="Why the order goes on."),
]
NOW = "The order as it is now; null when nothing was done."
ERRORS = "Every reason why nothing was done."


@backed_by(resolve.OrderOutcome, "What orderPlace did.")
class OrderPlacePayload:
    order: OrderType | None = column(NOW)
    payment: PaymentType | None = related(
        load_payments.payment_by_order, "The payment to confirm now.", by="order_id"
    )
    errors: list[OrderPlaceError] = column(ERRORS)


@backed_by(resolve.OrderOutcome, "What orderCancel did.")
class OrderCancelPayload:
    order: OrderType | None = column(NOW)
    errors: list[OrderCancelError] = column(ERRORS)
