"""Test data: two companies with four stores, zones, a catalog, stock and riders.

Each city has its own location (the first in Porto, the next one degree further east, each row of
cities two degrees further south), so that tests with a shared database never share a nearest store.
"""

import itertools
import secrets
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import Integer, Uuid, bindparam, text

from database.audit import AuditContext
from database.base import uuid7
from database.scope import PLATFORM
from database.sessions import Database
from models.accounts import Membership, User
from models.catalog import Brand, Category, Product
from models.companies import Company
from models.identity import Role
from models.riders import Rider
from models.stores import Store

LATITUDE = 41.15
LONGITUDE = -8.61
STEP_DEGREES = 1.0
ROW_CITIES = 150  # one more would be close to the antimeridian
ROW_DEGREES = -2.0
ZONE_DEGREES = 0.03
PRODUCTS = 12
ON_HAND = 50
PRICE_MINOR = 199
NAMES = ("Milk", "Bread", "Eggs", "Butter", "Rice", "Pasta", "Apples", "Tea", "Soap", "Cheese",
         "Water", "Coffee")  # fmt: skip
# In one statement, because most tests build a city and few look at these rows.
OPEN_STORES = text(
    """
    with zones as (
        insert into store_zone (store_id, company_id, area)
        select store, :company, ST_GeomFromEWKT(area)
        from unnest(cast(:stores as uuid[]), cast(:areas as text[])) as one (store, area)
    ), hours as (
        insert into store_hours (store_id, company_id, weekday, opens, closes)
        select store, :company, weekday, '00:00', '00:00'
        from unnest(cast(:stores as uuid[])) as store, generate_series(0, 6) as weekday
    ), shelves as materialized (
        select * from unnest(
            cast(:entries as uuid[]), cast(:entry_stores as uuid[]),
            cast(:entry_products as uuid[]), cast(:categories as uuid[]), cast(:prices as integer[])
        ) as one (entry, store, product, category, price)
    ), listings as (
        insert into listing
            (store_id, product_id, company_id, category_id, price_minor, available, promotion_label,
            aisle, version)
        select store, product, :company, category, price, true, '', 'A1', 1 from shelves
    ), entries as (
        insert into stock_entry
            (id, company_id, store_id, product_id, on_hand_delta, unsellable_delta, incoming_delta,
            batch_delta, reason, reference)
        select entry, :company, store, product, :on_hand, 0, 0, 0, 'OPENING_BALANCE', ''
        from shelves where :on_hand > 0
    )
    insert into stock
        (store_id, product_id, company_id, on_hand, reserved, unsellable, incoming, version)
    select store, product, :company, :on_hand, 0, 0, 0, 1 from shelves
    """
).bindparams(bindparam("company", type_=Uuid), bindparam("on_hand", type_=Integer))
_places = itertools.count()


@dataclass
class CityCompany:
    """A company with its rows; `products[i]` costs `prices[i]` in every store."""

    company: Company
    stores: list[Store] = field(default_factory=list)
    categories: list[Category] = field(default_factory=list)
    brand: Brand | None = None
    products: list[Product] = field(default_factory=list)
    prices: list[int] = field(default_factory=list)
    riders: list[Rider] = field(default_factory=list)

    @property
    def id(self) -> UUID:
        return self.company.id


@dataclass
class City:
    """`first` has two stores whose zones overlap at `point`, and one far away; `second` has one.

    `second`'s store is far from every store of `first`.
    """

    latitude: float
    longitude: float
    first: CityCompany
    second: CityCompany

    @property
    def company(self) -> Company:
        return self.first.company

    @property
    def near(self) -> Store:
        """The store nearest to `point`."""
        return self.first.stores[0]

    @property
    def next(self) -> Store:
        """The second nearest store, whose zone covers `point` too."""
        return self.first.stores[1]

    @property
    def far(self) -> Store:
        """A store of the same company whose zone is elsewhere."""
        return self.first.stores[2]

    @property
    def products(self) -> list[Product]:
        return self.first.products

    @property
    def riders(self) -> list[Rider]:
        return self.first.riders

    @property
    def point(self) -> dict[str, float]:
        """A customer's location as a GeoPointInput."""
        return {"latitude": self.latitude, "longitude": self.longitude}


async def build_city(
    database: Database, *, on_hand: int = ON_HAND, place: tuple[float, float] | None = None
) -> City:
    """Create a city at `place` (latitude, longitude), or at a location of its own."""
    if place is None:
        row, column = divmod(next(_places), ROW_CITIES)
        place = (LATITUDE + ROW_DEGREES * row, LONGITUDE + STEP_DEGREES * column)
    latitude, longitude = place
    city = City(latitude, longitude, _company("First"), _company("Second"))
    for index, (north, east) in enumerate([(0.001, 0.001), (0.01, 0.01), (0.3, 0.3)]):
        city.first.stores.append(_store(city.first, index, latitude + north, longitude + east))
    city.second.stores.append(_store(city.second, 0, latitude - 0.3, longitude - 0.3))
    companies = (city.first, city.second)
    async with database.write(PLATFORM, AuditContext("test:city")) as session:
        # All rows of a model share a round trip; the models in the order of their references.
        session.add_all(one.company for one in companies)
        session.add_all(row for one in companies for row in (*one.categories, one.brand))
        session.add_all(row for one in companies for row in (*one.products, *one.stores))
        for count, one in ((3, city.first), (1, city.second)):
            session.add_all(row for n in range(count) for row in _rider(one, n))
        for one in companies:
            await session.execute(OPEN_STORES, _stores_to_open(one, on_hand))
    return city


def _company(name: str) -> CityCompany:
    suffix = secrets.token_hex(4)
    company = Company(
        name=f"{name} {suffix}",
        slug=f"{name.lower()}-{suffix}",
        currency="EUR",
        timer_overrides={},
        minimum_order_minor=500,
        small_order_fee_minor=150,
        small_order_threshold_minor=1500,
        delivery_fee_minor=199,
        free_delivery_threshold_minor=3000,
        tax_rate_basis_points=600,
    )
    shop = CityCompany(company)
    shop.categories = [
        Category(
            company_id=shop.id, slug=slug, name=slug.title(), translations={}, position=position
        )
        for position, slug in enumerate(("food", "home"))
    ]
    shop.brand = Brand(company_id=shop.id, slug="own", name="Own Brand", translations={})
    _fill_catalog(shop, name)
    return shop


def _fill_catalog(shop: CityCompany, name: str) -> None:
    brand = shop.brand
    assert brand is not None
    for index, product_name in enumerate(NAMES[:PRODUCTS]):
        category = shop.categories[index % 2]
        shop.products.append(
            Product(
                company_id=shop.id,
                code=f"P{index + 1:03}",
                barcode=f"560000000{index + 1:04}",
                name=f"{product_name} {name}",
                translations={"zh-Hant": f"商品{index + 1}"},
                search_text=f"own brand {category.name.lower()}",
                brand_id=brand.id,
                category_id=category.id,
            )
        )
        shop.prices.append(PRICE_MINOR + 100 * index)


def _store(shop: CityCompany, index: int, latitude: float, longitude: float) -> Store:
    return Store(
        company_id=shop.id,
        code=f"S{index + 1}",
        name=f"{shop.company.name} store {index + 1}",
        latitude=latitude,
        longitude=longitude,
        timezone="Europe/Lisbon",
        timer_overrides={},
    )


def _stores_to_open(shop: CityCompany, on_hand: int) -> dict[str, object]:
    """What OPEN_STORES takes: the stores are always open and have all products of the company."""
    pairs = [(store, product) for store in shop.stores for product in shop.products]
    return {
        "company": shop.id,
        "stores": [store.id for store in shop.stores],
        "areas": [square(store.latitude, store.longitude) for store in shop.stores],
        "entries": [uuid7() for _ in pairs],
        "entry_stores": [store.id for store, _ in pairs],
        "entry_products": [product.id for _, product in pairs],
        "categories": [product.category_id for _, product in pairs],
        "prices": [price for _ in shop.stores for price in shop.prices],
        "on_hand": on_hand,
    }


def _rider(shop: CityCompany, number: int) -> tuple[User, Rider, Membership]:
    person = User(name=f"Rider {number + 1} of {shop.company.name}")
    rider = Rider(person_id=person.id, company_id=shop.id)
    shop.riders.append(rider)
    return person, rider, Membership(person_id=person.id, role=Role.RIDER, company_id=shop.id)


def square(latitude: float, longitude: float, half: float = ZONE_DEGREES) -> str:
    """Return a multipolygon of one square around a point, as extended well-known text."""
    south, north, west, east = latitude - half, latitude + half, longitude - half, longitude + half
    ring = f"{west} {south}, {east} {south}, {east} {north}, {west} {north}, {west} {south}"
    return f"SRID=4326;MULTIPOLYGON((({ring})))"
