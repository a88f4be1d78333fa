-- Grows a copy of the seeded store. The variables `companies`, `stores` (of each company) and
-- `products` (of each store) give the size: 100, 20 and 500 make 2,016 stores and a million
-- listings. The new stores lie on a grid north of the city, with about as many overlapping zones as
-- in the city itself. The products are named like the seeded ones: with 100 companies every search
-- matches a hundred times as many. Run once.

create temp table chain as
select gen_random_uuid() as id, n from generate_series(1, :companies) as n;

insert into company (id, name, slug, currency, minimum_order_minor, small_order_fee_minor,
  small_order_threshold_minor, delivery_fee_minor, free_delivery_threshold_minor, tax_rate_basis_points)
select chain.id, 'Chain ' || n, 'chain-' || n, currency, minimum_order_minor, small_order_fee_minor,
  small_order_threshold_minor, delivery_fee_minor, free_delivery_threshold_minor, tax_rate_basis_points
from chain, company where slug = 'harbour';

insert into product (id, company_id, code, name, translations, search_text, search, brand_id, category_id,
  promotion_label, weighed, average_weight_grams, age_restricted, active)
select gen_random_uuid(), chain.id, p.code, p.name, p.translations, p.search_text, p.search, p.brand_id,
  p.category_id, p.promotion_label, p.weighed, p.average_weight_grams, p.age_restricted, p.active
from chain cross join lateral (
  select p.* from product p join company c on c.id = p.company_id
  where c.slug = 'harbour' order by md5(p.code || chain.n) limit :products
) as p;

create temp table site as
select gen_random_uuid() as id, chain.id as company_id, k, (chain.n - 1) * :stores + k as nth
from chain, generate_series(0, :stores - 1) as k;

insert into store (id, company_id, code, name, status, latitude, longitude, timezone,
  preparation_seconds, version)
select id, company_id, 'S' || nth, 'Site ' || nth, 'OPEN', 41.4 + (nth / 45) * 0.018,
  -8.7 + (nth % 45) * 0.024, 'Europe/Lisbon', 150, 1
from site;

insert into store_zone (store_id, company_id, area)
select s.id, s.company_id, st_multi(st_buffer(s.point, 3500, 4)::geometry)::geography
from store s join site on site.id = s.id;

insert into store_hours (store_id, company_id, weekday, opens, closes)
select id, company_id, weekday, '00:00', '00:00' from site, generate_series(0, 6) as weekday;

insert into listing (store_id, product_id, company_id, category_id, price_minor, available,
  promotion_label, aisle, version)
select site.id, p.id, site.company_id, p.category_id, 500 + site.nth % 3000, true, '', 'A01', 1
from site join product p on p.company_id = site.company_id;

insert into stock (store_id, product_id, company_id, on_hand, reserved, unsellable, incoming, version)
select l.store_id, l.product_id, l.company_id, 40, 0, 0, 0, 1
from listing l join site on site.id = l.store_id;
