"""The authorization of a confirmed order ends at the provider before its capture."""

import asyncio

import pytest
from sqlalchemy import text, update

from database.scope import PLATFORM
from dataloaders import fulfillment as load_fulfillment
from jobs import orders as order_jobs
from models.companies import Company
from models.delivery import DeliveryAction, DeliveryStatus
from models.fulfillment import Fulfillment, FulfillmentStatus
from models.identity import Actor
from models.orders import Order, OrderAction, OrderCancelReason, OrderStage, OrderStatus
from models.payments import PaymentStatus
from models.support import TicketCategory
from models.timers import TIMER_BOUNDS
from services.delivery import deliveries
from services.fulfillment import handover
from services.orders import order_states, stages
from services.payments import provider_reports
from tests.support.carried_bags import open_cases
from tests.support.city import City
from tests.support.customers import ORIGIN
from tests.support.order_steps.lost_authorizations import (
    PACKED,
    PICKING,
    STAGED,
    dependencies,
    lose_authorization,
    paid_task,
)
from tests.support.paid_orders import fulfillments_of
from tests.support.payments import Shop
from tests.support.payments.settlement import try_as_scheduled
from tests.support.riders import (
    accept,
    bring_online,
    delivery_of,
    open_offer,
    pick_and_pack,
    refused_step,
    take_step,
)

BANK_ASKS = "pm_card_threeDSecure2Required"


async def progress(shop: Shop, order: Order) -> stages.OrderProgress:
    async with shop.database.read(PLATFORM) as session:
        return await order_states.read_progress(session, await session.get_one(Order, order.id))


async def overdue(shop: Shop, order: Order) -> None:
    async with shop.database.write(PLATFORM, ORIGIN) as session:
        statement = text(
            "update \"order\" set payment_due_at = now() - interval '1 s' where id = :order"
        )
        await session.execute(statement, {"order": order.id})
    await order_jobs.cancel_unpaid_orders(shop.database, shop.payments)


@pytest.mark.parametrize("until", [PICKING, PACKED, STAGED])
async def test_a_lost_authorization_reopens_the_payment(
    shop: Shop, city: City, buyer: Actor, until: str
) -> None:
    """The hold ends while the order is picked, or between packing and the capture."""
    order, _, _ = await paid_task(shop, city, buyer, until)
    await lose_authorization(shop, order)
    state = await progress(shop, order)
    assert stages.order_stage(state) is OrderStage.AWAITING_PAYMENT
    assert OrderAction.PAY in order_states.MACHINE.available_actions(state, buyer)
    reopened = await shop.order(order)
    assert (reopened.status, reopened.payment_due_at is not None) == (OrderStatus.CONFIRMED, True)
    lost, renewed = await shop.attempts(order)
    assert (lost.status, lost.is_current) == (PaymentStatus.VOIDED, False)
    assert (renewed.status, renewed.is_current) == (PaymentStatus.INITIATED, True)
    assert renewed.amount_minor == order.total_minor + order.authorization_buffer_minor
    await shop.settle(order)
    assert (await shop.payment(order)).client_secret
    assert (await shop.event_types(order)).count("PAYMENT_REOPENED") == 1


@pytest.mark.parametrize("until", [PICKING, PACKED])
async def test_a_confirmed_payment_lets_the_order_go_on(
    shop: Shop, city: City, buyer: Actor, until: str
) -> None:
    """The customer confirms again: what was packed meanwhile is captured, once."""
    order, fulfillment, staff = await paid_task(shop, city, buyer, until)
    await lose_authorization(shop, order)
    await shop.settle(order)
    assert await shop.pay(order) is (
        PaymentStatus.CAPTURED if until == PACKED else PaymentStatus.AUTHORIZED
    )
    if until == PICKING:
        await pick_and_pack(dependencies(shop), fulfillment, staff)
        assert await shop.settle(order) is PaymentStatus.CAPTURED
    captured = [payment.captured_amount_minor for payment in await shop.attempts(order)]
    assert captured == [0, order.total_minor]
    assert (await shop.order(order)).payment_due_at is None
    assert stages.order_stage(await progress(shop, order)) is OrderStage.PACKED


async def test_the_store_can_pack_while_the_payment_is_open(
    shop: Shop, city: City, buyer: Actor
) -> None:
    """Packing went on failing: no hold to capture from. Now the capture follows the payment."""
    order, fulfillment, staff = await paid_task(shop, city, buyer, PICKING)
    await lose_authorization(shop, order)
    await pick_and_pack(dependencies(shop), fulfillment, staff)
    (packed,) = await fulfillments_of(shop.database, order)
    assert packed.status in (FulfillmentStatus.PACKED, FulfillmentStatus.STAGED)
    assert (await shop.order(order)).final_total_minor == order.total_minor
    await shop.settle(order)
    assert await shop.pay(order) is PaymentStatus.CAPTURED


async def blocked_actions(shop: Shop, fulfillment: Fulfillment) -> frozenset[DeliveryAction]:
    """What `Delivery.availableActions` leaves out."""
    async with shop.database.read(PLATFORM) as session:
        (state,) = await load_fulfillment.handover_by_fulfillment(session, [fulfillment.id])
    assert state is not None
    assert bool(state.blocked_ride_actions) == bool(state.blocked_store_actions)
    return state.blocked_ride_actions


async def test_nothing_is_handed_over_unpaid(shop: Shop, city: City, buyer: Actor) -> None:
    """The rider stands in the store with the right code while the payment is open again."""
    rider = await bring_online(shop.database, city, 0)
    order, fulfillment, _ = await paid_task(shop, city, buyer, STAGED)
    delivery = await delivery_of(shop.database, order)
    offer = await open_offer(shop.database, delivery)
    assert offer is not None
    await accept(shop.database, rider, offer)
    await take_step(shop.database, rider, delivery, deliveries.arrive_at_store)
    await lose_authorization(shop, order)
    code = {"handover_code": fulfillment.handover_code}
    problem = await refused_step(shop.database, rider, delivery, handover.pick_up, **code)
    assert problem.current_status == PaymentStatus.INITIATED
    assert DeliveryAction.PICK_UP in await blocked_actions(shop, fulfillment)
    await shop.settle(order)
    await shop.pay(order)
    assert not await blocked_actions(shop, fulfillment)
    picked_up = await take_step(shop.database, rider, delivery, handover.pick_up, **code)
    assert picked_up.status is DeliveryStatus.PICKED_UP


@pytest.mark.parametrize("until", [PICKING, STAGED])
async def test_without_a_new_authorization_the_order_is_canceled(
    shop: Shop, city: City, buyer: Actor, until: str
) -> None:
    """The customer has gone: after five minutes the bags are put back, not handed over unpaid."""
    order, _, _ = await paid_task(shop, city, buyer, until)
    await lose_authorization(shop, order)
    await overdue(shop, order)
    canceled = await shop.order(order)
    assert canceled.status is OrderStatus.CANCELED
    assert canceled.cancel_reason is OrderCancelReason.PAYMENT_LOST
    assert [payment.status for payment in await shop.attempts(order)] == [PaymentStatus.VOIDED] * 2
    (fulfillment,) = await fulfillments_of(shop.database, order)
    assert fulfillment.status is FulfillmentStatus.CANCELED
    assert (await delivery_of(shop.database, order)).status is DeliveryStatus.CANCELED
    assert stages.replay_status(await shop.events(order)) is canceled.status
    assert await open_cases(shop.database, order) == [TicketCategory.PAYMENT]


async def test_a_payment_in_the_last_second_keeps_the_order(
    shop: Shop, city: City, buyer: Actor
) -> None:
    """The customer confirms as the deadline passes: who has paid keeps the order."""
    order, _, _ = await paid_task(shop, city, buyer, STAGED)
    await lose_authorization(shop, order)
    await shop.settle(order)
    await shop.confirm(order)
    await overdue(shop, order)
    assert (await shop.order(order)).status is OrderStatus.CONFIRMED
    assert (await shop.payment(order)).status is PaymentStatus.CAPTURED


async def test_the_bank_gets_further_time_once(shop: Shop, city: City, buyer: Actor) -> None:
    """The timer is raised meanwhile: each deadline looked like the first one, and moved again."""
    order, _, _ = await paid_task(shop, city, buyer, PICKING)
    await lose_authorization(shop, order)
    await shop.settle(order)
    assert await shop.pay(order, BANK_ASKS) is PaymentStatus.ACTION_REQUIRED
    async with shop.database.write(PLATFORM, ORIGIN) as session:
        raised = {"reauthorization_seconds": TIMER_BOUNDS["reauthorization_seconds"][1]}
        of_city = update(Company).where(Company.id == city.company.id)
        await session.execute(of_city.values(timer_overrides=raised))
    await overdue(shop, order)
    assert (await shop.order(order)).status is OrderStatus.CONFIRMED
    await overdue(shop, order)
    assert (await shop.order(order)).status is OrderStatus.CANCELED


async def test_an_authorization_after_the_cancellation_is_voided(
    shop: Shop, city: City, buyer: Actor
) -> None:
    """The bank's answer and the deadline race; whoever is later gives the money back."""
    order, _, _ = await paid_task(shop, city, buyer, STAGED)
    await lose_authorization(shop, order)
    await shop.settle(order)
    await asyncio.gather(shop.confirm(order), overdue(shop, order))
    await shop.settle(order)
    status = (await shop.order(order)).status
    captured = (await shop.payment(order)).captured_amount_minor
    assert (status, captured) in [
        (OrderStatus.CONFIRMED, order.total_minor),
        (OrderStatus.CANCELED, 0),
    ]
    late = (await shop.payment(order)).status
    assert status is OrderStatus.CONFIRMED or late is PaymentStatus.VOIDED


async def test_a_payment_can_be_lost_twice(shop: Shop, city: City, buyer: Actor) -> None:
    """The second bank hold ends as well: the order asks again, and is not stuck in between."""
    order, _, _ = await paid_task(shop, city, buyer, PICKING)
    for _ in range(2):
        await lose_authorization(shop, order)
        await shop.settle(order)
        assert await shop.pay(order) is PaymentStatus.AUTHORIZED
    statuses = [payment.status for payment in await shop.attempts(order)]
    assert statuses == [PaymentStatus.VOIDED, PaymentStatus.VOIDED, PaymentStatus.AUTHORIZED]


async def test_after_the_handover_support_is_told(shop: Shop, city: City, buyer: Actor) -> None:
    """Only a race leads here: the hold ends in the moment in which the rider takes the bags."""
    rider = await bring_online(shop.database, city, 0)
    order, fulfillment, _ = await paid_task(shop, city, buyer, STAGED)
    delivery = await delivery_of(shop.database, order)
    offer = await open_offer(shop.database, delivery)
    assert offer is not None
    await accept(shop.database, rider, offer)
    await take_step(shop.database, rider, delivery, deliveries.arrive_at_store)
    code = {"handover_code": fulfillment.handover_code}
    await take_step(shop.database, rider, delivery, handover.pick_up, **code)
    await lose_authorization(shop, order)
    await shop.settle(order)
    assert (await shop.order(order)).status is OrderStatus.CONFIRMED
    assert len(await shop.attempts(order)) == 1
    assert (await shop.event_types(order)).count("PAYMENT_LOST") == 1


async def test_a_capture_that_is_refused_for_good_reopens_the_payment(
    shop: Shop, city: City, buyer: Actor
) -> None:
    """The provider still reports the hold, and refuses the capture again and again."""
    order, _, _ = await paid_task(shop, city, buyer, STAGED)
    await shop.sandbox.control("faults", {"refuse_captures": True})
    for _ in range(provider_reports.MAX_REFUSALS):
        await try_as_scheduled(shop, order)
    refused, renewed = await shop.attempts(order)
    assert not refused.is_current
    assert refused.void_wanted or refused.status is PaymentStatus.VOIDED
    assert (renewed.is_current, renewed.status) == (True, PaymentStatus.INITIATED)
    await shop.sandbox.control("faults", {})
    await shop.settle(order)
    assert await shop.pay(order) is PaymentStatus.CAPTURED
    await shop.settle(order)
    assert [one.captured_amount_minor for one in await shop.attempts(order)] == [
        0,
        order.total_minor,
    ]
