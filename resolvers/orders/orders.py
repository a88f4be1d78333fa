"""Orders: placing, reading and canceling."""

from collections.abc import Set
from dataclasses import dataclass, field
from typing import Annotated, Any
from uuid import UUID

import strawberry

from dataloaders import catalog as load_catalog
from dataloaders import companies as load_companies
from dataloaders import orders as load
from models.orders import FulfillmentMethod, Order, OrderAction, OrderLine, OrderStage
from models.payments import Payment
from resolvers.context import Context, Info
from resolvers.mutations import company_of, idempotent_request, mark_replayed, run_mutation
from resolvers.orders.inputs import OrderCancelInput, OrderPlaceInput, OrderReopenInput
from services.accounts.people import CustomerProfile
from services.catalog.listed_products import ListedProduct
from services.catalog.storefronts import Storefront
from services.checkout import cancellation
from services.checkout.reopen import reopen_order
from services.checkout.unpaid_limits import OrderSource
from services.core.clock import current_time
from services.core.network_address import parse_network
from services.core.pages import Page
from services.core.problems import DomainError, parse_id
from services.identity.device_tokens import read_device
from services.orders import cancellation_rules, order_states, orders, stages, timeline
from services.orders.cancellation_rules import CancellationTerms
from services.orders.timeline import OrderEvent
from workflows.checkout import place_and_pay

OrderId = Annotated[strawberry.ID, strawberry.argument(description="The order's id.")]
First = Annotated[int, strawberry.argument(description="Maximum number of rows, from 1 to 100.")]
After = Annotated[
    str | None, strawberry.argument(description="The endCursor of the previous page.")
]


@dataclass
class OrderOutcome:
    """The result of a mutation: the order as it is now, or the errors."""

    order: Order | None = None
    errors: list[Any] = field(default_factory=list)

    @property
    def order_id(self) -> UUID | None:
        return self.order.id if self.order else None


async def order(info: Info, id: OrderId) -> Order:
    return await orders.visible_order(info.context.batched_session(), parse_id(Order, id, "id"))


async def place(info: Info, input: OrderPlaceInput) -> OrderOutcome:
    context, request = info.context, idempotent_request(info, input)
    arguments = _caller_arguments(context, info.field_name)
    try:
        arguments |= {"order_request": input.to_order_request(), "idempotent_request": request}
        result = await place_and_pay.place_and_pay(context.container, **arguments)
    except DomainError as error:
        return OrderOutcome(errors=error.problems)
    if result.replayed and request is not None:
        mark_replayed(context, request)
    return OrderOutcome(result.order)


def _caller_arguments(context: Context, action: str) -> dict[str, Any]:
    return {
        "actor": context.actor,
        "origin": context.audit_origin(action),
        "source": _order_source(context),
        "limits": context.container.unpaid_limits,
    }


def _order_source(context: Context) -> OrderSource:
    """Where an order comes from: the client's network, and its device if it sends its token."""
    signer, network = context.container.authenticator, parse_network(context.address)
    device = read_device(signer, context.device_token)
    return OrderSource(
        signer.keyed_hash("order-network", network.key)[:16] if network.limited else None,
        signer.keyed_hash("order-device", device.id.hex())[:16] if device else None,
    )


async def cancel(info: Info, input: OrderCancelInput) -> OrderOutcome:
    arguments: Any = {"reason": input.reason, "note": input.note, "actor": info.context.actor}
    arguments |= {"expected_fee_minor": input.expected_fee_minor}

    async def operation(session: Any) -> Order:
        key = parse_id(Order, input.order_id, "orderId")
        return await cancellation.cancel_order(session, order_id=key, **arguments)

    company = company_of(info, Order, input.order_id, "orderId")
    return await run_mutation(info, OrderOutcome, operation, input=input, company_id=company)


async def reopen(info: Info, input: OrderReopenInput) -> OrderOutcome:
    arguments: Any = {"reason": input.reason, "note": input.note, "actor": info.context.actor}
    arguments |= {"expected_version": input.expected_version}

    async def operation(session: Any) -> Order:
        key = parse_id(Order, input.order_id, "orderId")
        return await reopen_order(session, order_id=key, **arguments)

    company = company_of(info, Order, input.order_id, "orderId")
    return await run_mutation(info, OrderOutcome, operation, input=input, company_id=company)


async def orders_of_customer(
    parent: strawberry.Parent[CustomerProfile],
    info: Info,
    first: First,
    after: After = None,
    needed: Set[str] | None = None,
) -> Page[Order]:
    async with info.context.read() as session:
        return await orders.orders_of_customer(session, parent.id, first, after, needed)


async def active_order(parent: strawberry.Parent[Storefront], info: Info) -> Order | None:
    """The viewer's newest order that has not ended, whatever its destination."""
    person_id = info.context.actor.person_id
    if person_id is None:
        return None
    return await info.context.loaders.load(load.active_by_customer, person_id)


async def order_stage(parent: strawberry.Parent[Order], info: Info) -> OrderStage:
    progress = await info.context.loaders.load(load.progress_by_order, parent.id)
    return stages.order_stage(progress) if progress else stages.order_stage(_order_progress(parent))


async def available_actions(parent: strawberry.Parent[Order], info: Info) -> list[OrderAction]:
    progress = await info.context.loaders.load(load.progress_by_order, parent.id)
    progress = progress or _order_progress(parent)
    return order_states.MACHINE.available_actions(progress, info.context.actor)


async def cancellation_terms(
    parent: strawberry.Parent[Order], info: Info
) -> CancellationTerms | None:
    """The reasons and the fee for the caller to cancel the order now; null when they cannot."""
    loaders = info.context.loaders
    progress = await loaders.load(load.progress_by_order, parent.id)
    company = await loaders.load(load_companies.company_by_id, parent.company_id)
    if progress is None or company is None:
        return None
    now = await current_time(info.context.batched_session())
    return cancellation_rules.cancellation_terms(parent, progress, info.context.actor, company, now)


def _order_progress(order: Order) -> stages.OrderProgress:
    return stages.OrderProgress(
        order.id, order.company_id, order.store_id, order.customer_id, order.status
    )


def delivery_pin(parent: strawberry.Parent[Order], info: Info) -> str | None:
    """Null for everyone except the customer of the order, and for orders that are collected."""
    return _secret_for(parent, info, FulfillmentMethod.DELIVERY)


def pickup_code(parent: strawberry.Parent[Order], info: Info) -> str | None:
    """Null for everyone except the customer of the order, and for orders that are delivered."""
    return _secret_for(parent, info, FulfillmentMethod.PICKUP)


def _secret_for(order: Order, info: Info, method: FulfillmentMethod) -> str | None:
    own = order.customer_id == info.context.actor.person_id
    return order.delivery_pin if own and order.method is method else None


def client_secret(parent: strawberry.Parent[Payment], info: Info) -> str | None:
    """Null for everyone except the customer of the order."""
    own = parent.customer_id == info.context.actor.person_id
    return parent.client_secret if own else None


def next_action_url(parent: strawberry.Parent[Payment], info: Info) -> str | None:
    """Null for everyone except the customer of the order."""
    own = parent.customer_id == info.context.actor.person_id
    return parent.next_action_url if own else None


async def product(parent: strawberry.Parent[OrderLine], info: Info) -> ListedProduct | None:
    """The product as the order's store lists it now."""
    order_row = await info.context.loaders.load(load.order_by_id, parent.order_id)
    if order_row is None:
        return None
    store_and_product = (order_row.store_id, parent.product_id)
    return await info.context.loaders.load(load_catalog.product_by_store_and_id, store_and_product)


async def order_timeline(
    parent: strawberry.Parent[Order], info: Info, first: First, after: After = None
) -> Page[OrderEvent]:
    """The events of the order, for everyone who can see the order."""
    events_slice = timeline.timeline_slice(parent, first, after)
    rows = await info.context.loaders.load(load.events_of_slice, events_slice)
    return timeline.timeline_page(parent, events_slice, rows, info.context.actor)
