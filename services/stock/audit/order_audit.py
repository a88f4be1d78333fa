"""Audits the stock and the money of orders: what the ledger sold is what was packed and charged.

- `sold`: for each order, store and product the ledger's sales less what was restocked are the units
  that the order has there: those of its pick list before packing, those in the bags after it (also
  while they wait to be put back), and substitutes that are proposed or accepted.
- `packed`: the receipt names the units in the bags.
- `reserved`: the reservations of an unpaid order are its lines, those of a change that waits for
  its payment the units that it adds, and other orders have none: nor has an unpaid order whose
  units were released because the provider did not answer.
- `charged`: the order's final total is the sum of its receipt, in minor units.
- `captured`: what was captured, or is about to be, is that total, in minor units.
"""

from sqlalchemy import text

from models.fulfillment import units_sql

_TASKS = f"""
    task as materialized (
        select id, store_id, order_id, case
            when put_back_at is not null then 'ENDED'
            when put_back_opened_at is not null then 'PUT_BACK_OPEN'
            when status in ('REJECTED', 'TIMED_OUT', 'CANCELED', 'PUT_BACK', 'NOT_COLLECTED')
                then 'ENDED'
            when packed_at is null then 'PICKING' else 'PACKED' end as phase
        from fulfillment where cast(:store as uuid) is null or store_id = :store
    ), sold as (
        select store_id, product_id, reference as order_id, -sum(on_hand_delta) as units
        from stock_entry
        where reason in ('SALE', 'RESTOCK') and (cast(:store as uuid) is null or store_id = :store)
        group by 1, 2, 3
    ), part as (
        select t.store_id, l.product_id, t.order_id, case t.phase
            when 'PACKED' then l.picked_quantity
            else {units_sql("l").sold} end as units
        from task t join fulfillment_line l on l.fulfillment_id = t.id
        where t.phase in ('PICKING', 'PACKED')
        union all
        select t.store_id, s.product_id, t.order_id, s.quantity
        from task t join substitute s on s.fulfillment_id = t.id
        where t.phase in ('PICKING', 'PACKED') and s.status in ('PROPOSED', 'ACCEPTED')
        union all
        select t.store_id, p.product_id, t.order_id, p.quantity
        from task t join put_back_line p on p.fulfillment_id = t.id
        where t.phase = 'PUT_BACK_OPEN'
    ), owned as (
        select store_id, product_id, order_id::text as order_id, sum(units) as units from part
        group by 1, 2, 3
    )"""  # noqa: S608 - a constant within another
_PACKED = """
    packed as (
        select t.store_id, l.product_id, t.order_id,
            sum(coalesce(o.packed_quantity, 0)) as actual, sum(l.picked_quantity) as expected
        from task t join fulfillment_line l on l.fulfillment_id = t.id
        join order_line o on o.id = l.order_line_id
        where t.phase = 'PACKED' group by 1, 2, 3
    )"""
_RESERVED = """
    reserved as (
        select h.store_id, h.product_id, coalesce(c.order_id, o.id) as order_id,
            sum(h.quantity) as units
        from hold h left join "order" o on o.id = h.order_id
        left join order_change c on c.id = h.order_id
        where h.status = 'HELD' and coalesce(c.order_id, o.id) is not null
            and (cast(:store as uuid) is null or h.store_id = :store)
        group by 1, 2, 3
    ), wanted as (
        select o.store_id, l.product_id, o.id as order_id, l.quantity as units
        from "order" o join order_line l on l.order_id = o.id
        where o.status = 'PLACED' and not exists (
                select from payment p
                where p.order_id = o.id and p.is_current and p.reservation_released)
            and (cast(:store as uuid) is null or o.store_id = :store)
        union all
        select c.store_id, (line ->> 'product_id')::uuid, c.order_id,
            sign * (line ->> 'quantity')::integer
        from order_change c
        cross join lateral (values (c.wanted, 1), (c.previous, -1)) as side (lines, sign)
        cross join jsonb_array_elements(side.lines -> 'lines') as line
        where c.status = 'AWAITING_PAYMENT'
            and (cast(:store as uuid) is null or c.store_id = :store)
    ), ordered as (
        select store_id, product_id, order_id, sum(units) as units from wanted
        group by 1, 2, 3 having sum(units) > 0
    )"""
# The discount shrinks with the goods, see `picking.bag_total_minor`.
_RECEIPTS = """
    goods as (
        select o.id, coalesce((
                select sum(coalesce(l.final_total_minor, l.packed_quantity * l.unit_price_minor))
                from order_line l where l.order_id = o.id), 0)
            + coalesce((
                select sum(s.total_minor) from substitute s
                where s.order_id = o.id and s.status = 'ACCEPTED'), 0) as goods_minor
        from "order" o
        where o.status in ('CONFIRMED', 'COMPLETED') and o.final_total_minor is not null
            and (cast(:store as uuid) is null or o.store_id = :store)
    ), receipt as (
        select o.store_id, o.id as order_id, o.final_total_minor,
            goods_minor + o.delivery_fee_minor + o.small_order_fee_minor + o.tip_minor
                - case when goods_minor = 0 then 0 else least(o.discount_minor,
                    ceil(o.discount_minor::numeric * goods_minor / o.subtotal_minor)) end
                as expected,
            case when p.status in
                    ('CAPTURED', 'PARTIALLY_REFUNDED', 'REFUNDED', 'DISPUTED', 'WON', 'LOST')
                then p.captured_amount_minor
                else coalesce(p.capture_wanted_minor, o.final_total_minor) end
                as captured_amount_minor
        from goods g join "order" o using (id) join payment p on p.order_id = o.id and p.is_current
    )"""
# Parameter: store, or null for all. Returns the columns of StockDifference.
FIND_ORDER_DIFFERENCES = text(
    f"""
    with {_TASKS}, {_PACKED}, {_RESERVED}, {_RECEIPTS}
    select store_id, product_id, 'sold' as counter, coalesce(s.units, 0) as actual,
        coalesce(o.units, 0) as expected, null as batch, order_id
    from sold s full join owned o using (store_id, product_id, order_id)
    where coalesce(s.units, 0) <> coalesce(o.units, 0)
    union all
    select store_id, product_id, 'packed', actual, expected, null, order_id::text from packed
    where actual <> expected
    union all
    select store_id, product_id, 'reserved', coalesce(r.units, 0), coalesce(o.units, 0), null,
        order_id::text
    from reserved r full join ordered o using (store_id, product_id, order_id)
    where coalesce(r.units, 0) <> coalesce(o.units, 0)
    union all
    select store_id, null, 'charged', final_total_minor, expected, null, order_id::text from receipt
    where final_total_minor <> expected
    union all
    select store_id, null, 'captured', captured_amount_minor, final_total_minor, null,
        order_id::text
    from receipt where captured_amount_minor <> final_total_minor
    order by store_id, product_id, order_id, counter
    """  # noqa: S608 - constants within another
)
