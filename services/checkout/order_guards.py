"""What is locked and checked in the transaction that writes an order.

The order is written only from the cart that was read, with exactly its units reserved, by a
customer who is not merged into another one, and within the limits of unpaid orders. Two statements,
in the order in which others lock these rows: cart, then customer, then reservations.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import BigInteger, Integer, Uuid, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from database.statements import prepared
from models.accounts import User
from models.stock import HoldStatus
from services.carts.basket_problems import EmptyCart
from services.carts.sourcing_plans import SourcingPlan
from services.checkout import unpaid_limits
from services.checkout.unpaid_limits import Payer, UnpaidLimits, UnpaidOrders
from services.core import clock
from services.core.problems import DomainError, not_found
from services.core.request_batcher import ServiceOverloaded
from services.core.state_machine import version_conflict

# Removes the ordered products from the cart; products that were added to an order of explicit
# lines stay. A cart order finds its cart only in the version that was read: the slower of two
# orders of one cart waits for the faster one here, and finds none.
TAKE_CART_LINES = prepared(
    text(
        """
    with locked_payer as materialized (
        select pg_advisory_xact_lock(key) from unnest(:lock_keys) as key
    ), ordered_cart as materialized (
        select id from cart
        where person_id = :customer and company_id = :company
            and (cast(:version as integer) is null or version = :version)
        for update
    ), removed_line as (
        delete from cart_line
        where cart_id in (select id from ordered_cart) and product_id = any(:products)
        returning 1
    ), changed_cart as (
        update cart set version = version + 1, updated_at = clock_timestamp()
        where id in (select id from ordered_cart) and exists (select from removed_line)
    )
    select (select count(*) from locked_payer), (select count(*) from ordered_cart)
    """
    ).bindparams(
        bindparam("lock_keys", type_=ARRAY(BigInteger)),
        bindparam("customer", type_=Uuid),
        bindparam("company", type_=Uuid),
        bindparam("version", type_=Integer),
        bindparam("products", type_=ARRAY(Uuid)),
    )
)
CART_NOW = prepared(
    text(
        """
    select c.version, exists (select from cart_line l where l.cart_id = c.id) from cart c
    where c.person_id = :customer and c.company_id = :company
    """
    ).bindparams(bindparam("customer", type_=Uuid), bindparam("company", type_=Uuid))
)
# The customer is locked as the order's foreign key locks it; a sign-in that merges the guest waits,
# and so does whoever releases the reservations. The status is a parameter, see `reservation_sql`.
LOCK_CUSTOMER_AND_UNITS = prepared(
    text(
        f"""
    with reserved as materialized (
        select product_id, quantity from hold
        where order_id = :order_id and store_id = :store and status = :held
        for share
    ), {unpaid_limits.UNPAID_ORDERS_SQL}
    select p.merged_into_id, clock_timestamp(),
        (select array_agg(product_id order by product_id) from reserved),
        (select array_agg(quantity order by product_id) from reserved),
        (select array_agg(s.on_hand - s.reserved + r.quantity order by r.product_id)
            from reserved r join stock s on s.store_id = :store and s.product_id = r.product_id),
        {unpaid_limits.UNPAID_COLUMNS}
    from person p where p.id = :customer
    for key share of p
    """  # noqa: S608 - constants within another
    ).bindparams(
        bindparam("order_id", type_=Uuid),
        bindparam("store", type_=Uuid),
        held=HoldStatus.HELD.value,
    )
)


@dataclass(frozen=True, slots=True)
class PlannedOrder:
    """An order that is about to be written: its key, its plan, and who answers for the payment."""

    order_id: UUID
    plan: SourcingPlan
    payer: Payer
    limits: UnpaidLimits


async def take_cart_lines(session: AsyncSession, planned: PlannedOrder) -> None:
    """Lock the payer and the cart, and remove the ordered lines from the cart.

    Raises DomainError: EmptyCart or VersionConflict when the cart that was read has changed.
    """
    plan = planned.plan
    cart = {
        "customer": planned.payer.customer_id,
        "company": plan.serving_store.company.id,
    }
    row = await session.execute(
        TAKE_CART_LINES,
        {
            **cart,
            "lock_keys": planned.payer.lock_keys,
            "version": plan.cart_version,
            "products": list(plan.units),
        },
    )
    if plan.cart_version is None or row.one()[1]:
        return
    version, has_lines = (await session.execute(CART_NOW, cart)).one_or_none() or (0, False)
    if not has_lines:
        raise DomainError(EmptyCart(path=["input"], message="There is nothing to order."))
    message = "The cart was changed while it was ordered: read it again."
    raise version_conflict("input", message=message, current=version)


async def lock_customer_and_units(session: AsyncSession, planned: PlannedOrder) -> None:
    """Lock the customer and the reserved units; checks both, and the limits of unpaid orders.

    Raises DomainError: NotFound for a guest who was merged into an account, Busy when the reserved
    units are not those of the order, UnpaidOrderLimit, UnpaidUnitLimit.
    """
    plan, store_id = planned.plan, planned.plan.serving_store.store.id
    parameters = unpaid_limits.parameters(planned.payer, [store_id], plan.units)
    row = (
        await session.execute(
            LOCK_CUSTOMER_AND_UNITS, {**parameters, "order_id": planned.order_id, "store": store_id}
        )
    ).first()
    if row is None or row[0] is not None:
        raise not_found(User)
    clock.set_current_time(session, row[1])
    products, reserved, available, *unpaid_columns = row[2:]
    _check_units(plan.units, dict(zip(products or (), reserved or (), strict=True)))
    unpaid = UnpaidOrders.from_columns(unpaid_columns)
    unpaid_limits.check_orders(planned.limits, unpaid)
    sellable = dict(zip(products, available, strict=True))
    if problems := [*unpaid_limits.plan_problems(planned.limits, plan, unpaid, sellable)]:
        raise DomainError(*problems)


def _check_units(ordered: Mapping[UUID, int], reserved: Mapping[UUID, int]) -> None:
    if reserved != ordered:
        message = "The goods were not kept for you any more: please try again."
        raise DomainError(ServiceOverloaded(message=message))
