-- What the peers ask of the database, one statement for each level of an answer. Mercurius, Yoga
-- and plain Strawberry send the same texts, prepared; a section begins with its name.

-- name: storefront
select s.id, s.name, s.company_id, c.currency
from store_zone z
join store s on s.id = z.store_id
join company c on c.id = s.company_id
where st_covers(z.area, geography(st_setsrid(st_makepoint($2::float8, $1::float8), 4326)))
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
order by st_distance(s.point, geography(st_setsrid(st_makepoint($2::float8, $1::float8), 4326))), s.id
limit 1

-- name: category
select id, slug, name from category where company_id = $1 and slug = $2

-- name: page
with recursive family as (
  select id from category where id = $2
  union all
  select c.id from category c join family f on c.parent_id = f.id
)
select l.product_id as id, l.store_id, p.code, p.name, p.brand_id, p.category_id, l.price_minor,
  coalesce(nullif(l.promotion_label, ''), p.promotion_label) as promotion_label, l.available
from listing l
join product p on p.id = l.product_id
where l.store_id = $1 and l.category_id in (select id from family) and p.active
order by l.product_id
limit $3::int

-- name: search
select l.product_id as id, l.store_id, p.code, p.name, p.brand_id, p.category_id, l.price_minor,
  coalesce(nullif(l.promotion_label, ''), p.promotion_label) as promotion_label, l.available
from listing l
join product p on p.id = l.product_id
left join stock k on k.store_id = l.store_id and k.product_id = l.product_id
where l.store_id = $1 and p.active
  and p.company_id = (select company_id from store where id = $1)
  and p.search @@ (to_tsquery('english', replace($2::text, ':*', '')) || to_tsquery('simple', $2::text))
order by
  case when not l.available or coalesce(k.on_hand - k.reserved, 0) <= 0 then 1 else 0 end,
  -ts_rank(p.search, to_tsquery('english', replace($2::text, ':*', '')) || to_tsquery('simple', $2::text))::float8,
  p.id
limit $3::int

-- name: brands
select id, slug, name from brand where id = any($1::uuid[])

-- name: categories
select id, slug, name from category where id = any($1::uuid[])

-- name: stock
select k.product_id, k.on_hand - k.reserved as units
from unnest($1::uuid[], $2::uuid[]) as wanted (store_id, product_id)
join stock k on k.store_id = wanted.store_id and k.product_id = wanted.product_id

-- name: person
select id, name from person where id = $1

-- name: orders
select id, code, status, placed_at, currency, total_minor, promise_p50_seconds, store_id
from "order" where customer_id = $1 order by id desc limit $2::int

-- name: order
select id, code, status, placed_at, currency, total_minor, promise_p50_seconds, store_id
from "order" where id = $1 and customer_id = $2

-- name: lines
select id, order_id, name, quantity, currency, unit_price_minor, total_minor
from order_line where order_id = any($1::uuid[]) order by order_id, position

-- name: stores
select id, name from store where id = any($1::uuid[])

-- name: payments
select distinct on (order_id) id, order_id, status, currency, captured_amount_minor
from payment where order_id = any($1::uuid[]) order by order_id, id desc

-- name: fulfillments
select distinct on (order_id) id, order_id, status
from fulfillment where order_id = any($1::uuid[]) order by order_id, attempt_number desc

-- name: deliveries
select distinct on (order_id) id, order_id, status, rider_name, rider_id
from delivery where order_id = any($1::uuid[]) order by order_id, id desc

-- name: positions
select rider_id, latitude, longitude, recorded_at from rider_position where rider_id = any($1::uuid[])

-- name: events
select stream, type, at from event where stream = any($1::text[]) order by stream, seq
