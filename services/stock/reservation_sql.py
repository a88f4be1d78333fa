"""The statements by which shelves, holds and the ledger change together, many orders at once."""

from sqlalchemy import text

from database.statements import kept
from models.stock import HoldStatus

LOCK = kept(
    text(
        """
    select s.store_id, s.product_id,
        s.company_id, s.on_hand, s.held, s.damaged, s.incoming, s.version
    from stock s
    join unnest(cast(:stores as uuid[]), cast(:products as uuid[])) as wanted (store, product)
        on s.store_id = wanted.store and s.product_id = wanted.product
    order by s.store_id, s.product_id
    for no key update of s
    """
    )
)
_LOCK_HELD = """
    with promised as materialized (
        select h.order_id, h.store_id, h.product_id, h.quantity from hold h where {which}
        for no key update {waiting}
    )
    select p.order_id, p.quantity, s.store_id, s.product_id,
        s.company_id, s.on_hand, s.held, s.damaged, s.incoming, s.version
    from promised p
    join stock s on s.store_id = p.store_id and s.product_id = p.product_id
    order by s.store_id, s.product_id
    for no key update of s
"""
# The status is a value here, for the index of what ran out is no way to the holds of an order.
_OF_ORDERS = """h.order_id = any (cast(:orders as uuid[])) and h.status = :held
        order by h.order_id, h.store_id, h.product_id"""
# The holds of an unpaid order end with the order. One that was granted to an order which is not
# there after so long belongs to a checkout that died.
_RAN_OUT = """h.status = 'HELD' and (
            h.expires_at < clock_timestamp() and not exists (
                select from "order" o where o.id = h.order_id and o.status = 'PLACED')
            or h.created_at < clock_timestamp() - make_interval(secs => :orphan_seconds)
            and not exists (select from "order" o where o.id = h.order_id)
        )
        order by h.order_id, h.store_id, h.product_id limit :most"""
LOCK_OF_ORDERS = kept(
    text(_LOCK_HELD.format(which=_OF_ORDERS, waiting="")).bindparams(held=HoldStatus.HELD.value)
)
LOCK_RAN_OUT = kept(text(_LOCK_HELD.format(which=_RAN_OUT, waiting="skip locked")))
_COUNTED = """with counted as (
        update stock s set held = s.held + changed.taken, on_hand = s.on_hand - changed.sold,
            version = s.version + 1
        from unnest(cast(:stores as uuid[]), cast(:products as uuid[]), cast(:taken as int[]),
                    cast(:sold as int[])) as changed (store, product, taken, sold)
        where s.store_id = changed.store and s.product_id = changed.product
    )"""
# A hold that was given back may be granted to its order again; a live one is never counted twice.
_GRANT = """
    {counted}, granted as (
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
    )
    select count(*) from granted
    """
GRANT = kept(text(_GRANT.format(counted=_COUNTED)))
_END = """
    {counted}, ended as (
        update hold h set status = one.status
        from unnest(cast(:hold_orders as uuid[]), cast(:hold_stores as uuid[]),
                    cast(:hold_products as uuid[]), cast(:statuses as text[]))
            as one (o, s, p, status)
        where h.order_id = o and h.store_id = s and h.product_id = p
        returning 1
    ), booked as (
        insert into stock_entry (id, company_id, store_id, product_id, delta, damaged_delta,
                                 incoming_delta, batch_delta, reason, reference, actor_id)
        select id, company, store, product, -units, 0, 0, 0, :reason, reference, actor
        from unnest(cast(:sale_ids as uuid[]), cast(:sale_companies as uuid[]),
                    cast(:sale_stores as uuid[]), cast(:sale_products as uuid[]),
                    cast(:sale_units as int[]), cast(:sale_orders as text[]),
                    cast(:sale_actors as uuid[]))
            as sale (id, company, store, product, units, reference, actor)
    )
    select count(*) from ended
    """
END = kept(text(_END.format(counted=_COUNTED)))
EXTEND = kept(
    text(
        """
    update hold set expires_at = greatest(expires_at, cast(:until as timestamptz))
    where order_id = :order_id and status = 'HELD'
    returning store_id, product_id, company_id, quantity
    """
    )
)
