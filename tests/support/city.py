"""Test data: two companies with four stores, zones, a catalog, stock and riders.

Each city has its own location (the first in Porto, the next one degree further east, each row of
cities two degrees further south), so that tests with a shared database never share a nearest store.
"""

import itertools
import secrets
from dataclasses import dataclass, field
from datetime import time
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from database.audit import AuditContext
from database.scope import PLATFORM
from database.sessions import Database
from models.accounts import Membership, Person
from models.catalog import Brand, Category, Listing, Product
from models.companies import Company
from models.identity import Role
from models.riders import Rider
from models.stock import Stock, StockEntry, StockReason
from models.stores import Store, StoreHours, StoreZone

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
    async with database.write(PLATFORM, AuditContext("test:city")) as session:
        city = City(
            latitude, longitude, await _shop(session, "First"), await _shop(session, "Second")
        )
        for index, (north, east) in enumerate([(0.001, 0.001), (0.01, 0.01), (0.3, 0.3)]):
            await _store(session, city.first, index, latitude + north, longitude + east, on_hand)
        await _store(session, city.second, 0, latitude - 0.3, longitude - 0.3, on_hand)
        for count, shop in ((3, city.first), (1, city.second)):
            shop.riders = [await _rider(session, shop, n) for n in range(count)]
    return city


async def _shop(session: AsyncSession, name: str) -> CityCompany:
    suffix = secrets.token_hex(4)
    company = Company(
        name=f"{name} {suffix}",
        slug=f"{name.lower()}-{suffix}",
        currency="EUR",
        minimum_order_minor=500,
        small_order_fee_minor=150,
        small_order_below_minor=1500,
        delivery_fee_minor=199,
        free_delivery_from_minor=3000,
        tax_rate_bp=600,
    )
    shop = CityCompany(company)
    session.add(company)
    await session.flush()
    shop.categories = [
        Category(company_id=company.id, slug=slug, name=slug.title(), position=position)
        for position, slug in enumerate(("food", "home"))
    ]
    shop.brand = Brand(company_id=company.id, slug="own", name="Own Brand")
    session.add_all([*shop.categories, shop.brand])
    await session.flush()
    _stock_catalog(shop, name)
    session.add_all(shop.products)
    await session.flush()
    return shop


def _stock_catalog(shop: CityCompany, name: str) -> None:
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


async def _store(
    session: AsyncSession,
    shop: CityCompany,
    index: int,
    latitude: float,
    longitude: float,
    on_hand: int,
) -> None:
    """Create a store that is always open, with a square zone and every product of its company."""
    store = Store(
        company_id=shop.id,
        code=f"S{index + 1}",
        name=f"{shop.company.name} store {index + 1}",
        latitude=latitude,
        longitude=longitude,
        timezone="Europe/Lisbon",
    )
    session.add(store)
    await session.flush()
    shop.stores.append(store)
    session.add(StoreZone(store_id=store.id, company_id=shop.id, area=square(latitude, longitude)))
    session.add_all(
        StoreHours(
            store_id=store.id, company_id=shop.id, weekday=day, opens=time(0), closes=time(0)
        )
        for day in range(7)
    )
    for product, price in zip(shop.products, shop.prices, strict=True):
        key = {"store_id": store.id, "product_id": product.id, "company_id": shop.id}
        session.add(Listing(**key, category_id=product.category_id, price_minor=price, aisle="A1"))
        session.add(Stock(**key, on_hand=on_hand))
        if on_hand:
            session.add(StockEntry(**key, delta=on_hand, reason=StockReason.OPENING))
    await session.flush()


async def _rider(session: AsyncSession, shop: CityCompany, number: int) -> Rider:
    person = Person(name=f"Rider {number + 1} of {shop.company.name}")
    session.add(person)
    await session.flush()
    rider = Rider(person_id=person.id, company_id=shop.id)
    session.add_all([rider, Membership(person_id=person.id, role=Role.RIDER, company_id=shop.id)])
    await session.flush()
    return rider


def square(latitude: float, longitude: float, half: float = ZONE_DEGREES) -> str:
    """Return a multipolygon of one square around a point, as extended well-known text."""
    south, north, west, east = latitude - half, latitude + half, longitude - half, longitude + half
    ring = f"{west} {south}, {east} {south}, {east} {north}, {west} {north}, {west} {south}"
    return f"SRID=4326;MULTIPOLYGON((({ring})))"
