"""Changes of a paid order before it is packed: items, address, note and tip.

A change that the present authorization covers takes effect at once. For a higher total a second
payment attempt is opened: once it is authorized, the change takes effect, the attempt becomes the
order's payment, and the first authorization is voided. Until then the added units are reserved
under the id of the change. The order's row is locked first, so changes, packing, canceling and
rerouting of one order are serial.
"""

from collections import Counter
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from models.events import OrderEventKind
from models.identity import Actor
from models.orders import Order, OrderAction, OrderChange, OrderChangeStatus
from models.payments import Payment
from models.timers import CompanyTimers
from services import companies
from services.carts.basket_problems import shortages
from services.checkout import change_application, payment_deadlines, unpaid_limits
from services.checkout.change_pricing import ChangeRequest, price_change
from services.checkout.line_guards import check_picked
from services.checkout.unpaid_limits import DEFAULT_LIMITS, OrderSource, Payer, UnpaidLimits
from services.core.clock import current_time
from services.core.problems import DomainError
from services.events.event_log import record_order_event
from services.fulfillment import fulfillment_states, fulfillments
from services.orders import order_change_states, order_locks, order_snapshots, order_states
from services.orders.order_snapshots import OrderSnapshot
from services.payments import payments, pending_changes
from services.stock import reservation_decisions, reservations, stock_rows
from services.stock.reservation_decisions import ReservationRequest, ReservationShortage

MACHINE = order_change_states.MACHINE


async def request_change(
    session: AsyncSession,
    *,
    actor: Actor,
    order_id: UUID,
    request: ChangeRequest,
    expected_version: int | None = None,
    limits: UnpaidLimits = DEFAULT_LIMITS,
) -> OrderChange | Order:
    """Change a paid order, at once or when the customer has confirmed the new total.

    Returns the change, or the order as it is when it has all that is asked for. Raises DomainError:
    NotFound, InvalidTransition, VersionConflict, LineAlreadyPicked, UnpaidUnitLimit,
    InsufficientStock and the problems of `price_change`.
    """
    order = await order_states.begin(session, actor, order_id, OrderAction.CHANGE)
    order_states.MACHINE.check_version(order, expected_version)
    task = await _load_task(session, order)
    lines = list(await session.scalars(change_application.ORDER_LINES, {"order": order.id}))
    previous = order_snapshots.snapshot_of(order, lines)
    wanted = await price_change(session, order, request, previous)
    if wanted is previous:
        return order
    check_picked(wanted, previous, task.lines)
    change = await _create_change(session, order, previous, wanted, actor)
    payment = await payments.lock_payment(session, order.id)
    is_paid = wanted.authorized_amount_minor <= payment.authorized_amount_minor
    if not is_paid:
        await _check_unpaid(session, order, previous, wanted, limits)
    timers = await companies.read_timers(session, order.store_id)
    await _reserve(session, order, change, previous, wanted, timers)
    if is_paid:
        await change_application.apply_change(session, task, change)
    else:
        await _ask_for_payment(session, order, change, wanted, timers)
    await session.flush()
    return change


async def withdraw_change(
    session: AsyncSession, *, actor: Actor, order_change_id: UUID
) -> OrderChange:
    """Take back a change that waits for its payment.

    Raises DomainError: NotFound, InvalidTransition.
    """
    order = await order_locks.lock_by_child(session, OrderChange, order_change_id, MACHINE.id_path)
    change = await session.get_one(OrderChange, order_change_id, populate_existing=True)
    MACHINE.check(change, actor, MACHINE.transitions[0].action)
    await pending_changes.end_pending_change(session, order)
    return change


async def expire_change(session: AsyncSession, order_id: UUID) -> bool:
    """End the pending change of an order if its time is over; False when it is not.

    While the bank asks the customer, the attempt gets further time once.
    """
    order = await order_locks.lock(session, order_id)
    if order.pending_change_id is None:
        return False
    change = await session.get_one(OrderChange, order.pending_change_id, populate_existing=True)
    if change.payment_due_at is None or change.payment_due_at > await current_time(session):
        return False
    if change.payment_id is not None:
        attempt = await payments.lock_payment_by_id(session, change.payment_id)
        if await payment_deadlines.give_time_for_bank(session, order, attempt):
            return False
    await pending_changes.end_pending_change(session, order, OrderChangeStatus.EXPIRED)
    return True


async def apply_paid_change(session: AsyncSession, order: Order, payment: Payment) -> None:
    """Apply the pending change whose new total is authorized now; else give the money back.

    The picker may have decided a line in the meantime: then the order stays as it is.
    """
    change = await pending_changes.change_paid_by(session, order, payment)
    if change is None:
        await payments.void_attempt(session, order, payment)
        return
    task = await _load_task(session, order)
    wanted = order_snapshots.from_json(change.wanted)
    previous = order_snapshots.from_json(change.previous)
    try:
        check_picked(wanted, previous, task.lines)
    except DomainError:
        await pending_changes.end_pending_change(session, order)
        return
    await _replace_payment(session, order, payment)
    await change_application.apply_change(session, task, change)
    await session.flush()


async def give_up_change(session: AsyncSession, order: Order, payment: Payment) -> None:
    """End the pending change that a payment attempt was to pay, since it cannot succeed."""
    if await pending_changes.change_paid_by(session, order, payment) is not None:
        await pending_changes.end_pending_change(session, order)


async def _load_task(session: AsyncSession, order: Order) -> fulfillment_states.PickingTask:
    """The present task of a confirmed order."""
    keys = {"order": order.id}
    fulfillment_id = await session.scalar(fulfillments.OPEN_FULFILLMENT, keys)
    if fulfillment_id is None:
        raise RuntimeError("a confirmed order without a task is not offered to be changed")
    return await fulfillment_states.load_task(session, order, fulfillment_id)


async def _create_change(
    session: AsyncSession,
    order: Order,
    previous: OrderSnapshot,
    wanted: OrderSnapshot,
    actor: Actor,
) -> OrderChange:
    change = OrderChange(
        order_id=order.id,
        store_id=order.store_id,
        company_id=order.company_id,
        customer_id=order.customer_id,
        status=OrderChangeStatus.AWAITING_PAYMENT,
        currency=order.currency,
        previous_total_minor=order.total_minor,
        total_minor=wanted.values["total_minor"],
        wanted=wanted.to_json(),
        previous=previous.to_json(),
        requested_by_id=actor.person_id,
        version=1,
    )
    session.add(change)
    await session.flush()
    return change


async def _check_unpaid(
    session: AsyncSession,
    order: Order,
    previous: OrderSnapshot,
    wanted: OrderSnapshot,
    limits: UnpaidLimits,
) -> None:
    """Raise DomainError: UnpaidUnitLimit when too many added units would wait for payment."""
    added = Counter(wanted.units) - Counter(previous.units)
    removed = Counter(previous.units) - Counter(wanted.units)
    if not added:
        return
    payer = Payer(order.customer_id, OrderSource(order.network_hash, order.device_hash))
    await unpaid_limits.lock_payer(session, payer)
    unpaid = await unpaid_limits.read_unpaid(session, payer, [order.store_id], added)
    rows = await stock_rows.lock_rows(session, [order.store_id], [*added, *removed])
    stock = rows[order.store_id].items()
    available = {key: stock_rows.available_units(row) for key, row in stock}
    lines = [
        (index, line.product_id, added[line.product_id])
        for index, line in enumerate(wanted.lines)
        if line.product_id in added
    ]
    problems = [*unpaid_limits.unit_problems(limits, order.store_id, lines, unpaid, available)]
    if problems:
        raise DomainError(*problems)


async def _reserve(
    session: AsyncSession,
    order: Order,
    change: OrderChange,
    previous: OrderSnapshot,
    wanted: OrderSnapshot,
    timers: CompanyTimers,
) -> None:
    """Reserve the added units. Raises DomainError: InsufficientStock."""
    added = Counter(wanted.units) - Counter(previous.units)
    removed = Counter(previous.units) - Counter(wanted.units)
    # All rows at once: the change may be applied in this transaction, which locks the others too.
    await stock_rows.lock_rows(session, [order.store_id], [*added, *removed])
    if not added:
        return
    seconds = timers.change_payment_seconds + reservations.RESERVATION_GRACE_SECONDS
    request = ReservationRequest(order.company_id, order.store_id, change.id, added, seconds)
    (result,) = await reservation_decisions.reserve_batch(session, [request])
    if isinstance(result, ReservationShortage):
        numbers = {line.product_id: number for number, line in enumerate(wanted.lines)}
        kept = previous.units
        left = {key: units + kept.get(key, 0) for key, units in result.shortages}
        raise DomainError(*shortages(numbers, left, wanted.units))


async def _ask_for_payment(
    session: AsyncSession,
    order: Order,
    change: OrderChange,
    wanted: OrderSnapshot,
    timers: CompanyTimers,
) -> None:
    """Open a payment attempt for the new total; the change waits for it."""
    payment = await payments.create_payment(
        session, order, wanted.authorized_amount_minor, is_current=False
    )
    payment.due_at = await current_time(session)
    await session.flush()
    change.payment_id = payment.id
    change.payment_due_at = await current_time(session, timers.change_payment_seconds)
    order.pending_change_id = change.id
    order.version += 1
    record_order_event(
        session,
        order,
        OrderEventKind.ORDER_CHANGE_REQUESTED,
        change_id=change.id,
        amount_minor=change.total_minor,
        due_at=change.payment_due_at,
    )


async def _replace_payment(session: AsyncSession, order: Order, renewed: Payment) -> None:
    """Make a new attempt the order's payment, and void the one before."""
    replaced = await payments.lock_payment(session, order.id)
    replaced.is_current = False
    await session.flush()
    renewed.is_current = True
    await payments.void_attempt(session, order, replaced)
    await session.flush()
