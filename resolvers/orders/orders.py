"""Orders: placing, looking, calling off."""

from dataclasses import dataclass, field
from typing import Annotated, Any
from uuid import UUID

import strawberry

from dataloaders import catalog as load_catalog
from dataloaders import orders as load
from models.orders import Order, OrderAction, OrderLine, OrderStage
from models.payments import Payment
from resolvers.context import Info
from resolvers.mutations import attempt, of, promised, replayed
from resolvers.orders.inputs import OrderCancelInput, OrderPlaceInput
from services import checkout
from services.accounts.people import CustomerSelf
from services.catalog.listed_products import Offer
from services.catalog.storefronts import Storefront
from services.core.pages import Page
from services.core.problems import Refused, key_of
from services.orders import orders, stages, timeline
from services.orders.timeline import OrderEvent
from workflows.checkout import place_and_pay

OrderId = Annotated[strawberry.ID, strawberry.argument(description="The order's id.")]
First = Annotated[int, strawberry.argument(description="How many at most, from 1 to 100.")]
After = Annotated[
    str | None, strawberry.argument(description="The end cursor of the page before this one.")
]


@dataclass
class OrderOutcome:
    """What a write on an order answers: the order as it is now, or every reason against it."""

    order: Order | None = None
    errors: list[Any] = field(default_factory=list)

    @property
    def order_id(self) -> UUID | None:
        return self.order.id if self.order else None


async def order(info: Info, id: OrderId) -> Order:
    return await orders.visible(info.context.look(), key_of(Order, id, "id"))


async def place(info: Info, input: OrderPlaceInput) -> OrderOutcome:
    context, made = info.context, promised(info, input)
    who: Any = {"actor": context.actor, "origin": context.origin(info.field_name), "made": made}
    try:
        placed = await place_and_pay.buy(context.house, wish=input.wish(), **who)
    except Refused as refused:
        return OrderOutcome(errors=refused.reasons)
    if placed.replayed and made is not None:
        replayed(context, made)
    return OrderOutcome(placed.order)


async def cancel(info: Info, input: OrderCancelInput) -> OrderOutcome:
    actor, why = info.context.actor, {"reason": input.reason, "note": input.note}

    async def verb(session: Any) -> Order:
        key = key_of(Order, input.order_id, "orderId")
        return await checkout.cancel_order(session, actor=actor, order_id=key, **why)  # type: ignore[arg-type] # a reason and a note

    company = of(info, Order, input.order_id, "orderId")
    return await attempt(info, OrderOutcome, verb, input=input, company_id=company)


async def mine(
    parent: strawberry.Parent[CustomerSelf], info: Info, first: First, after: After = None
) -> Page[Order]:
    async with info.context.read() as session:
        return await orders.of_customer(session, parent.id, first, after)


async def active(parent: strawberry.Parent[Storefront], info: Info) -> Order | None:
    """The viewer's newest order that isn't over, wherever it goes."""
    person_id = info.context.actor.person_id
    if person_id is None:
        return None
    return await info.context.loaders.load(load.active_by_customer, person_id)


async def stage(parent: strawberry.Parent[Order], info: Info) -> OrderStage:
    now = await info.context.loaders.load(load.progress_by_order, parent.id)
    return stages.stage(now) if now else stages.stage(_alone(parent))


async def available_actions(parent: strawberry.Parent[Order], info: Info) -> list[OrderAction]:
    now = await info.context.loaders.load(load.progress_by_order, parent.id)
    return stages.actions(info.context.actor, now or _alone(parent))


def _alone(row: Order) -> stages.Progress:
    return stages.Progress(row.id, row.company_id, row.store_id, row.customer_id, row.status)


def delivery_pin(parent: strawberry.Parent[Order], info: Info) -> str | None:
    """Null for everybody but the customer whose order it is."""
    own = parent.customer_id == info.context.actor.person_id
    return parent.delivery_pin if own else None


def client_secret(parent: strawberry.Parent[Payment], info: Info) -> str | None:
    """Null for everybody but the customer who pays."""
    own = parent.customer_id == info.context.actor.person_id
    return parent.client_secret if own else None


def next_action_url(parent: strawberry.Parent[Payment], info: Info) -> str | None:
    """Null for everybody but the customer who pays."""
    own = parent.customer_id == info.context.actor.person_id
    return parent.next_action_url if own else None


async def product(parent: strawberry.Parent[OrderLine], info: Info) -> Offer | None:
    """The product as the order's store sells it now."""
    row = await info.context.loaders.load(load.order_by_id, parent.order_id)
    if row is None:
        return None
    place = (row.store_id, parent.product_id)
    return await info.context.loaders.load(load_catalog.offer_by_store_and_product, place)


async def happenings(
    parent: strawberry.Parent[Order], info: Info, first: First, after: After = None
) -> Page[OrderEvent]:
    """The order's events: who sees the order may know what happened to it."""
    wanted = timeline.slice_of(parent, first, after)
    found = await info.context.loaders.load(load.events_of_slice, wanted)
    return timeline.page_of(parent, first, found)
