"""How much of a shelf may wait for payment: by customer, device and client network.

An unpaid order reserves its units, so whoever orders without paying takes goods out of sale. Two
bounds hold against it: a number of unpaid orders, and a share of the units of a product that a
store could sell if the same customer, device or network had none reserved. The rules are asked
before units are reserved, and again under locks in the transaction that writes the order. Units
that a change adds to a paid order count, and are bounded, in the same way until they are paid.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from database.statements import prepared
from services.carts.sourcing_plans import SourcingPlan
from services.core.problems import DomainError, Problem

RETRY_SECONDS = 60


@dataclass(frozen=True, slots=True)
class UnpaidLimits:
    """The bounds of an installation; docs/settings.md tells how to set them."""

    orders_per_customer: int = 2
    """Unpaid orders of one customer or device."""
    orders_per_network: int = 20
    """Unpaid orders from one client network: many customers may share it."""
    share_percent: int = 50
    """The share of a product's units in a store that may wait for one payer."""
    free_units: int = 10
    """So many units of a product in a store are allowed to one customer whatever the share is."""
    free_units_per_network: int = 20
    """The same for one client network."""
    guest_payment_seconds: int = 240
    """How long an order of a guest waits for payment."""

    def payment_seconds(self, company_seconds: int, guest: bool) -> int:
        """How long a new order waits for payment; a guest's no longer than the installation's."""
        return min(company_seconds, self.guest_payment_seconds) if guest else company_seconds

    def allowed_units(self, sellable: int, free_units: int) -> int:
        """How many of the `sellable` units of a product may wait for one payer."""
        return max(free_units, sellable * self.share_percent // 100)


@dataclass(frozen=True, slots=True)
class OrderSource:
    """Keyed hashes of where an order comes from; None where that is unknown or not limited."""

    network: bytes | None = None
    device: bytes | None = None


DEFAULT_LIMITS = UnpaidLimits()
NO_SOURCE = OrderSource()


@dataclass(frozen=True, slots=True)
class Payer:
    """Who answers for an unpaid order: the customer, and where the order comes from."""

    customer_id: UUID
    source: OrderSource

    @property
    def lock_keys(self) -> list[int]:
        """The keys of the advisory locks that serialize orders of the same payer, in order."""
        parts = [self.customer_id.bytes, self.source.network, self.source.device]
        return sorted({_lock_key(part) for part in parts if part is not None})


@dataclass(frozen=True, slots=True, kw_only=True)
class UnpaidOrderLimit(Problem):
    """Too many orders wait for payment: pay or cancel one first."""

    limit: int
    retry_after_seconds: int = RETRY_SECONDS


@dataclass(frozen=True, slots=True, kw_only=True)
class UnpaidUnitLimit(Problem):
    """Too many units of a product would wait for payment."""

    product_id: UUID


@dataclass(frozen=True, slots=True)
class UnpaidShares:
    """The part of a number that is of the customer, of the device, and of the network."""

    customer: int = 0
    device: int = 0
    network: int = 0


@dataclass(frozen=True, slots=True)
class UnpaidOrders:
    """What waits for payment: orders, and units by store and product."""

    orders: UnpaidShares
    units: Mapping[tuple[UUID, UUID], UnpaidShares]

    @classmethod
    def from_columns(cls, columns: Sequence[Any]) -> "UnpaidOrders":
        """Build it from the columns of UNPAID_COLUMNS."""
        by_customer, by_device, by_network, *units = columns
        rows = zip(*(column or () for column in units), strict=True)
        shares = {(store, product): UnpaidShares(*parts) for store, product, *parts in rows}
        return cls(UnpaidShares(by_customer, by_device, by_network), shares)


# Parameters: customer, device, network, unpaid_stores, unpaid_products. A requested change of a
# paid order waits for payment too: its added units are reserved under its id.
_PAYERS = """
    customer_id = :customer as by_customer,
    coalesce(device_hash = cast(:device as bytea), false) as by_device,
    coalesce(network_hash = cast(:network as bytea), false) as by_network
"""
_OF_PAYER = """(customer_id = :customer or device_hash = cast(:device as bytea)
    or network_hash = cast(:network as bytea))"""
UNPAID_ORDERS_SQL = f"""
    unpaid as materialized (
        select id, store_id, {_PAYERS} from "order" where status = 'PLACED' and {_OF_PAYER}
    ), unpaid_change as materialized (
        select pending_change_id as id, {_PAYERS} from "order"
        where pending_change_id is not null and {_OF_PAYER}
    ), unpaid_line as materialized (
        select u.store_id, l.product_id, l.quantity, by_customer, by_device, by_network
        from unpaid u join order_line l on l.order_id = u.id
        union all
        select h.store_id, h.product_id, h.quantity, by_customer, by_device, by_network
        from unpaid_change c join hold h on h.order_id = c.id
    ), unpaid_units as materialized (
        select store_id, product_id,
            coalesce(sum(quantity) filter (where by_customer), 0)::int as by_customer,
            coalesce(sum(quantity) filter (where by_device), 0)::int as by_device,
            coalesce(sum(quantity) filter (where by_network), 0)::int as by_network
        from unpaid_line
        where store_id = any (cast(:unpaid_stores as uuid[]))
            and product_id = any (cast(:unpaid_products as uuid[]))
        group by store_id, product_id
    )
"""  # noqa: S608 - constants within another
UNPAID_COLUMNS = """
    (select count(*) from unpaid where by_customer),
    (select count(*) from unpaid where by_device),
    (select count(*) from unpaid where by_network),
    (select array_agg(store_id order by store_id, product_id) from unpaid_units),
    (select array_agg(product_id order by store_id, product_id) from unpaid_units),
    (select array_agg(by_customer order by store_id, product_id) from unpaid_units),
    (select array_agg(by_device order by store_id, product_id) from unpaid_units),
    (select array_agg(by_network order by store_id, product_id) from unpaid_units)
"""
READ_UNPAID = prepared(text(f"with {UNPAID_ORDERS_SQL} select {UNPAID_COLUMNS}"))

LOCK_PAYER = prepared(
    text("select pg_advisory_xact_lock(key) from unnest(:lock_keys) as key").bindparams(
        bindparam("lock_keys", type_=ARRAY(BigInteger))
    )
)


async def lock_payer(session: AsyncSession, payer: Payer) -> None:
    """Let other orders and changes of the same payer wait until the transaction ends."""
    await session.execute(LOCK_PAYER, {"lock_keys": payer.lock_keys})


async def read_unpaid(
    session: AsyncSession, payer: Payer, stores: Collection[UUID], products: Collection[UUID]
) -> UnpaidOrders:
    """Read what waits for the payer's payment; units only of these stores and products."""
    row = (await session.execute(READ_UNPAID, parameters(payer, stores, products))).one()
    return UnpaidOrders.from_columns(row)


def parameters(
    payer: Payer, stores: Collection[UUID], products: Collection[UUID]
) -> dict[str, Any]:
    """The parameters of UNPAID_ORDERS_SQL."""
    return {
        "customer": payer.customer_id,
        "device": payer.source.device,
        "network": payer.source.network,
        "unpaid_stores": list(stores),
        "unpaid_products": list(products),
    }


def check_orders(limits: UnpaidLimits, unpaid: UnpaidOrders) -> None:
    """Raise DomainError: UnpaidOrderLimit when one more order may not wait for payment."""
    orders = unpaid.orders
    for count, most in (
        (orders.customer, limits.orders_per_customer),
        (orders.device, limits.orders_per_customer),
        (orders.network, limits.orders_per_network),
    ):
        if count >= most:
            message = "Too many orders wait for payment: pay or cancel one first."
            raise DomainError(UnpaidOrderLimit(path=["input"], message=message, limit=most))


def add_problems(limits: UnpaidLimits, plan: SourcingPlan, unpaid: UnpaidOrders) -> SourcingPlan:
    """Return the plan with a problem of unpaid units, if it has no other problem."""
    if plan.problems:
        return plan
    return replace(plan, problems=tuple(plan_problems(limits, plan, unpaid, plan.available)))


def plan_problems(
    limits: UnpaidLimits,
    plan: SourcingPlan,
    unpaid: UnpaidOrders,
    available_by_product: Mapping[UUID, int],
) -> Iterator[Problem]:
    """Yield the problems of a new order, as `unit_problems`."""
    store_id = plan.serving_store.store.id
    lines = [(index, line.product_id, line.quantity) for index, line in enumerate(plan.lines)]
    yield from unit_problems(limits, store_id, lines, unpaid, available_by_product)


def unit_problems(
    limits: UnpaidLimits,
    store_id: UUID,
    lines: Iterable[tuple[int, UUID, int]],
    unpaid: UnpaidOrders,
    available_by_product: Mapping[UUID, int],
) -> Iterator[Problem]:
    """Yield UnpaidUnitLimit for the first line of which too many units would wait for payment.

    For the first alone, as the limit is a share of the stock, which customers do not learn.

    `lines` are an index in the input, a product and units. `available_by_product` is what the store
    could sell when `unpaid` was read, without these units. A line of which the store has too few
    has another problem.
    """
    for index, product_id, units in lines:
        shares = unpaid.units.get((store_id, product_id), UnpaidShares())
        available = available_by_product.get(product_id, 0)
        if units <= available and any(
            reserved + units > limits.allowed_units(available + reserved, free_units)
            for reserved, free_units in (
                (shares.customer, limits.free_units),
                (shares.device, limits.free_units),
                (shares.network, limits.free_units_per_network),
            )
        ):
            yield UnpaidUnitLimit(
                path=["input", "lines", str(index)],
                message="Too many units of this product would wait for payment: order fewer.",
                product_id=product_id,
            )
            return


def _lock_key(part: bytes) -> int:
    return int.from_bytes(sha256(b"unpaid-order" + part).digest()[:8], signed=True)
