"""The statements that lock and write the reservations of many orders at once.

Those that change counters are composed with the counters' part by `stock_writer`.
"""

from typing import Any

from sqlalchemy import text

from database.statements import prepared
from models.stock import HoldStatus
from services.stock.stock_writer import reservation_statement

LOCK_STOCK = prepared(
    text(
        """
    select s.store_id, s.product_id,
        s.company_id, s.on_hand, s.reserved, s.unsellable, s.incoming, s.version
    from stock s
    join unnest(cast(:stores as uuid[]), cast(:products as uuid[])) as requested (store, product)
        on s.store_id = requested.store and s.product_id = requested.product
    order by s.store_id, s.product_id
    for no key update of s
    """
    )
)
_COUNTERS = "s.company_id, s.on_hand, s.reserved, s.unsellable, s.incoming, s.version"
_LOCK_RESERVED = """
    with reserved as materialized (
        select h.order_id, h.store_id, h.product_id, h.quantity from hold h where {condition}
        for no key update {locked_rows}
    )
    select r.order_id, r.quantity, s.store_id, s.product_id, {counters}
    from reserved r
    join stock s on s.store_id = r.store_id and s.product_id = r.product_id
    order by s.store_id, s.product_id
    for no key update of s
"""
# What the order's lines want of the product of a reservation, and of how many products.
_ORDERED = """,
        coalesce((select sum(l.quantity) from order_line l
            where l.order_id = r.order_id and l.product_id = r.product_id), 0),
        (select count(distinct l.product_id) from order_line l where l.order_id = r.order_id)
"""
# The status is a parameter: with a literal the planner may choose the partial index on expires_at,
# which does not lead to the reservations of an order.
_OF_ORDERS = """h.order_id = any (cast(:orders as uuid[])) and h.status = :held
        order by h.order_id, h.store_id, h.product_id"""
# Reservations of an unpaid order, or of a change that waits for its payment, end with it. One whose
# order does not exist after `orphan_seconds` belongs to a checkout that was interrupted.
_EXPIRED = """h.order_id = any (cast(:orders as uuid[])) and h.status = :held and (
            h.expires_at < clock_timestamp() and not exists (
                select from "order" o where o.id = h.order_id and o.status = 'PLACED')
            and not exists (select from order_change c
                where c.id = h.order_id and c.status = 'AWAITING_PAYMENT')
            or h.created_at < clock_timestamp() - make_interval(secs => :orphan_seconds)
            and not exists (select from "order" o where o.id = h.order_id)
            and not exists (select from order_change c where c.id = h.order_id)
        )
        order by h.order_id, h.store_id, h.product_id"""


def _lock_statement(condition: str, *, locked_rows: str = "", columns: str = _COUNTERS) -> Any:
    sql = _LOCK_RESERVED.format(condition=condition, locked_rows=locked_rows, counters=columns)
    statement = text(sql)
    if ":held" in condition:
        statement = statement.bindparams(held=HoldStatus.HELD.value)
    return prepared(statement)


LOCK_RESERVATIONS_OF_ORDERS = _lock_statement(_OF_ORDERS)
LOCK_RESERVATIONS_FOR_SALE = _lock_statement(_OF_ORDERS, columns=_COUNTERS + _ORDERED)
LOCK_EXPIRED_RESERVATIONS = _lock_statement(_EXPIRED, locked_rows="skip locked")
# A reservation that has ended may be granted to its order again; an active one is not overwritten.
INSERT_RESERVATIONS = reservation_statement(
    """
        insert into hold as h (order_id, store_id, product_id, company_id, quantity, status,
                               expires_at)
        select o, s, p, c, q, 'HELD', clock_timestamp() + make_interval(secs => t)
        from unnest(cast(:hold_orders as uuid[]), cast(:hold_stores as uuid[]),
                    cast(:hold_products as uuid[]), cast(:hold_companies as uuid[]),
                    cast(:hold_units as int[]), cast(:hold_seconds as float8[]))
            as new (o, s, p, c, q, t)
        order by o, s, p
        on conflict (order_id, store_id, product_id) do update
            set quantity = excluded.quantity, status = 'HELD', expires_at = excluded.expires_at,
                created_at = now()
            where h.status in ('RELEASED', 'EXPIRED')
        returning 1
    """
)
END_RESERVATIONS = reservation_statement(
    """
        update hold h set status = ended.status
        from unnest(cast(:hold_orders as uuid[]), cast(:hold_stores as uuid[]),
                    cast(:hold_products as uuid[]), cast(:statuses as text[]))
            as ended (o, s, p, status)
        where h.order_id = o and h.store_id = s and h.product_id = p
        returning 1
    """,
    sales=True,
)
EXTEND_RESERVATIONS = prepared(
    text(
        """
    update hold set expires_at = greatest(expires_at, cast(:until as timestamptz))
    where order_id = :order_id and status = 'HELD'
    returning store_id, product_id, company_id, quantity
    """
    )
)
