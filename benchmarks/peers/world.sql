-- The rows and functions that the benchmark adds to a seeded store: 40 customers with 100 orders of
-- eight lines each, every one with its payment, fulfillment, delivery and a dozen of events. The
-- newest order of each customer is on the road. Run once.

create function pg_temp.made(kind text, n bigint, m bigint default 0) returns uuid
language sql immutable as $$
  select (lpad(to_hex(n), 8, '0') || right(md5(kind || ':' || n || ':' || m), 24))::uuid
$$;

create temp table shelf as
select row_number() over (order by l.product_id) - 1 as place, l.*, p.name
from listing l join product p on p.id = l.product_id
where l.store_id = :'store';

create temp table shopper as
select row_number() over (order by person_id) - 1 as nth, person_id
from (
  select distinct person_id from membership where role = 'CUSTOMER' order by person_id limit 40
) as chosen;

create temp table basket as
select n, pg_temp.made('order', n) as order_id, person_id,
  n > 99 * 40 as live,
  timestamptz '2026-01-01 08:00:00+00' + n * interval '17 minutes' as at
from (
  select day * 40 + nth + 1 as n, nth, person_id from shopper, generate_series(0, 99) as day
) as numbered;

create temp table line as
select b.n, b.order_id, b.person_id, k as position, s.product_id, s.name, s.price_minor,
  1 + (b.n + k) % 3 as quantity
from basket b, generate_series(0, 7) as k
join lateral (
  select * from shelf where place = (b.n * 7 + k * 131) % (select count(*) from shelf)
) as s on true;

insert into "order" (id, company_id, customer_id, store_id, code, customer_name, status, currency,
  subtotal_minor, delivery_fee_minor, small_order_fee_minor, discount_minor, tip_minor, tax_minor,
  tax_rate_basis_points, total_minor, latitude, longitude, address_line, delivery_instructions, dropoff_distance_meters, promise_p50_seconds,
  promise_p90_seconds, delivery_pin, cancel_note, placed_at, confirmed_at, completed_at, version)
select b.order_id, s.company_id, b.person_id, s.id, 'B' || lpad(b.n::text, 7, '0'), 'Shopper',
  case when live then 'CONFIRMED' else 'COMPLETED' end, c.currency,
  i.items, 1500, 0, 0, 0, i.items * 6 / 106, 600, i.items + 1500, 41.1579, -8.6291, 'Rua 1', '', 900,
  900 + b.n % 600, 1500, '1234', '', b.at, b.at + interval '1 minute',
  case when live then null else b.at + interval '20 minutes' end, 3
from basket b
join (
  select order_id, sum(price_minor * quantity)::bigint as items from line group by order_id
) as i using (order_id), store s join company c on c.id = s.company_id
where s.id = :'store';

insert into order_line (id, order_id, company_id, customer_id, product_id, position, name, currency,
  unit_price_minor, quantity, total_minor, substitution_preference)
select pg_temp.made('line', l.n, l.position), l.order_id, o.company_id, l.person_id, l.product_id,
  l.position, l.name, o.currency, l.price_minor, l.quantity, l.price_minor * l.quantity, 'REFUND'
from line l join "order" o on o.id = l.order_id;

insert into payment (id, order_id, company_id, customer_id, provider, intent_id, status, currency,
  amount_minor, authorized_amount_minor, captured_amount_minor, refunded_amount_minor, void_wanted, tries, version)
select pg_temp.made('payment', b.n), o.id, o.company_id, o.customer_id, 'stripe',
  'pi_bench_' || b.n, 'CAPTURED', o.currency, o.total_minor, o.total_minor, o.total_minor, 0,
  false, 0, 2
from basket b join "order" o on o.id = b.order_id;

insert into fulfillment (id, order_id, store_id, company_id, customer_id, attempt_number, status,
  order_code, customer_name, handover_code, bag_count, queued_at, version)
select pg_temp.made('fulfillment', b.n), o.id, o.store_id, o.company_id, o.customer_id, 1,
  'HANDED_OVER', o.code, 'Shopper', '1234', 2, o.placed_at, 5
from basket b join "order" o on o.id = b.order_id;

create temp table courier as
select row_number() over (order by r.id) - 1 as nth, r.id, r.person_id, r.company_id
from rider r join store s on s.company_id = r.company_id where s.id = :'store';

insert into delivery (id, fulfillment_id, order_id, store_id, company_id, customer_id, rider_id,
  rider_person_id, status, order_code, customer_name, rider_name, latitude, longitude, address_line,
  delivery_instructions, dropoff_distance_meters, dispatch_round, bag_count, handover_tries, pin_tries, assigned_at, picked_up_at,
  delivered_at, version)
select pg_temp.made('delivery', b.n), pg_temp.made('fulfillment', b.n), o.id, o.store_id,
  o.company_id, o.customer_id, r.id, r.person_id,
  case when live then 'EN_ROUTE_TO_CUSTOMER' else 'DELIVERED' end, o.code, 'Shopper', 'Rui', o.latitude,
  o.longitude, o.address_line, '', 900, 1, 2, 0, 0, o.placed_at + interval '4 minutes',
  o.placed_at + interval '9 minutes',
  case when live then null else o.placed_at + interval '20 minutes' end, 5
from basket b
join "order" o on o.id = b.order_id
join courier r on r.nth = b.n % (select count(*) from courier);

insert into rider_position (rider_id, person_id, company_id, latitude, longitude, heading_degrees,
  speed_meters_per_second, accuracy_meters, recorded_at)
select id, person_id, company_id, 41.15 + nth * 0.0001, -8.62 - nth * 0.0001, 90, 5, 8,
  timestamptz '2026-02-01 10:00:00+00'
from courier on conflict (rider_id) do nothing;

insert into event (stream, seq, company_id, type, body, at)
select 'order:' || o.id, seq, o.company_id, type,
  jsonb_build_object('order_id', o.id, 'store_id', o.store_id), o.placed_at + seq * interval '1 minute'
from basket b join "order" o on o.id = b.order_id, unnest(array['ORDER_PLACED',
  'PAYMENT_AUTHORIZED', 'ORDER_CONFIRMED', 'FULFILLMENT_QUEUED', 'FULFILLMENT_ACCEPTED',
  'DELIVERY_SEARCHING', 'DELIVERY_ASSIGNED', 'PICKING_STARTED', 'PAYMENT_CAPTURED',
  'FULFILLMENT_PACKED', 'FULFILLMENT_HANDED_OVER', 'DELIVERY_PICKED_UP']) with ordinality
  as told (type, seq);

insert into stream (stream, company_id, seq)
select 'order:' || o.id, o.company_id, 12 from basket b join "order" o on o.id = b.order_id;

-- For PostGraphile, which builds its graph from tables and functions.

create function store_at(latitude float8, longitude float8) returns store
language sql stable as $$
  select s from store_zone z join store s on s.id = z.store_id
  where st_covers(z.area, geography(st_setsrid(st_makepoint(store_at.longitude, store_at.latitude), 4326)))
    and s.status = 'OPEN'
    and exists (
      select from store_hours h, timezone(s.timezone, clock_timestamp()) as here
      where h.store_id = s.id and (
        h.weekday = extract(isodow from here)::int - 1 and h.opens <= here::time
          and (h.closes <= h.opens or here::time < h.closes)
        or h.weekday = (extract(isodow from here)::int + 5) % 7 and h.closes <= h.opens
          and here::time < h.closes
      )
    )
  order by st_distance(s.point,
    geography(st_setsrid(st_makepoint(store_at.longitude, store_at.latitude), 4326))), s.id
  limit 1
$$;

create function store_shelf(store store, slug text) returns setof listing
language sql stable as $$
  with recursive family as (
    select c.id from category c where c.company_id = store.company_id and c.slug = store_shelf.slug
    union all
    select c.id from category c join family f on c.parent_id = f.id
  )
  select l.* from listing l join product p on p.id = l.product_id
  where l.store_id = store.id and l.category_id in (select id from family) and p.active
  order by l.product_id
$$;

create function store_branch(store store, slug text) returns category
language sql stable as $$
  select c from category c where c.company_id = store.company_id and c.slug = store_branch.slug
$$;

create function store_search(store store, query text) returns setof listing
language sql stable as $$
  select l.*
  from listing l
  join product p on p.id = l.product_id
  left join stock k on k.store_id = l.store_id and k.product_id = l.product_id
  where l.store_id = store.id and p.active and p.company_id = store.company_id
    and p.search @@ (to_tsquery('english', replace(query, ':*', '')) || to_tsquery('simple', query))
  order by
    case when not l.available or coalesce(k.on_hand - k.reserved, 0) <= 0 then 1 else 0 end,
    -ts_rank(p.search, to_tsquery('english', replace(query, ':*', '')) || to_tsquery('simple', query))::float8,
    p.id
$$;

create function order_timeline("order" "order") returns setof event
language sql stable as $$
  select * from event where stream = 'order:' || "order".id order by seq
$$;

analyze;
