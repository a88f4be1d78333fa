-- The whole storefront page in one statement, as rows: what PostgreSQL itself makes of it at most.
with here as (
  select geography(st_setsrid(st_makepoint(-8.6291, 41.1579), 4326)) as point
), served as (
  select s.id, s.name, s.company_id, c.currency
  from here, store_zone z
  join store s on s.id = z.store_id
  join company c on c.id = s.company_id
  where st_covers(z.area, here.point)
    and s.status = 'OPEN'
    and exists (
      select from store_hours h, timezone(s.timezone, clock_timestamp()) as clock
      where h.store_id = s.id and (
        h.weekday = extract(isodow from clock)::int - 1 and h.opens <= clock::time
          and (h.closes <= h.opens or clock::time < h.closes)
        or h.weekday = (extract(isodow from clock)::int + 5) % 7 and h.closes <= h.opens
          and clock::time < h.closes
      )
    )
  order by st_distance(s.point, here.point), s.id
  limit 1
)
select served.id, served.name, served.currency, top.id, top.name, page.*
from served
join category top on top.company_id = served.company_id
  and top.slug = 'rice-oil-canned-food-fruits-vegetables-meat/rice/white-rice'
cross join lateral (
  with recursive family as (
    select top.id
    union all
    select c.id from category c join family f on c.parent_id = f.id
  )
  select l.product_id, p.code, p.name, b.name as brand, g.slug, g.name as category, l.price_minor,
    coalesce(nullif(l.promotion_label, ''), p.promotion_label) as promotion_label, l.available,
    k.on_hand - k.reserved as units
  from listing l
  join product p on p.id = l.product_id
  join category g on g.id = p.category_id
  left join brand b on b.id = p.brand_id
  left join stock k on k.store_id = l.store_id and k.product_id = l.product_id
  where l.store_id = served.id and l.category_id in (select id from family) and p.active
  order by l.product_id
  limit 20
) as page;
