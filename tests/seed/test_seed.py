"""The seeded data, and that a second run changes nothing."""

from uuid import UUID

from sqlalchemy import bindparam, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from database.audit import AuditContext
from database.base import Base, Entity
from database.scope import PLATFORM
from models.accounts import Address, Membership, User
from models.catalog import Brand, Category, Listing, Product, TemperatureZone
from models.identity import Role
from models.riders import Rider
from models.stock import StockLevel
from models.stores import Store, StoreZone
from seed import seed
from seed.accounts import ALL_ACCOUNTS, DEMO_ACCOUNTS, PASSWORD, RIDERS
from seed.bulk_load import stable_id
from services.catalog import products
from services.identity.passwords import verify_password
from services.stock.audit.stock_audit import find_differences
from services.stores import coverage
from tests.seed.conftest import SeededDatabase

COMPANIES = ("harbour", "peak")
PRODUCTS, BRANDS, STORES = 2_619, 765, 16
MIN_PRODUCTS_PER_ZONE = 100
WEIGHED = 18
# On the third level 336 names, some of them in two departments, make 346 categories.
CATEGORIES_BY_DEPTH = {0: 10, 1: 77, 2: 346}
GRID_STEP_DEGREES = 0.004
COVERED_TWICE_SHARE = 0.9

# How many of a company's zones cover each point of a grid laid over all of them.
ZONES_OVER_GRID = text(
    """
    with box as (
        select st_extent(area::geometry) as extent from store_zone where company_id = :company
    ), grid as (
        select st_setsrid(st_makepoint(x, y), 4326)::geography as point from box,
            generate_series(st_xmin(extent)::numeric, st_xmax(extent)::numeric, :step) as x,
            generate_series(st_ymin(extent)::numeric, st_ymax(extent)::numeric, :step) as y
    )
    select count(*) as zones from grid join store_zone on st_covers(area, point)
    where company_id = :company group by grid.point
    """
).bindparams(bindparam("company", type_=StoreZone.company_id.type))


async def test_each_company_has_the_whole_catalog(seeded: SeededDatabase) -> None:
    async with seeded.database.read(PLATFORM) as session:
        for slug in COMPANIES:
            company = stable_id("company", slug)
            assert await _count(session, Product, company) == PRODUCTS
            assert await _count(session, Brand, company) == BRANDS
            depths = await session.execute(
                select(Category.depth, func.count())
                .where(Category.company_id == company)
                .group_by(Category.depth)
            )
            assert dict(depths.all()) == CATEGORIES_BY_DEPTH
            zones = await session.execute(
                select(Product.temperature_zone, func.count())
                .where(Product.company_id == company)
                .group_by(Product.temperature_zone)
            )
            assert {zone for zone, count in zones if count >= MIN_PRODUCTS_PER_ZONE} == set(
                TemperatureZone
            )
        assert await session.scalar(select(func.count()).select_from(Store)) == STORES
        assert await session.scalar(select(func.count()).select_from(Listing)) == STORES * PRODUCTS


async def test_loose_fruit_and_vegetables_are_sold_by_weight_in_every_store(
    seeded: SeededDatabase,
) -> None:
    async with seeded.database.read(PLATFORM) as session:
        loose = await session.execute(
            select(Product.id, Product.average_weight_grams, Product.name).where(Product.weighed)
        )
        grams = {key: average_weight_grams for key, average_weight_grams, _ in loose}
        assert len(grams) == WEIGHED * len(COMPANIES)
        rows = await session.execute(
            select(
                Listing.product_id, Listing.average_weight_grams, Listing.price_per_kilogram_minor
            ).where(Listing.average_weight_grams.is_not(None))
        )
        sold = rows.all()
    assert len(sold) == WEIGHED * STORES
    for product_id, average_weight_grams, kilo in sold:
        assert average_weight_grams == grams[product_id]
        # Between 8 and 200 Hong Kong dollars a kilogram: wrong weights would violate this.
        assert 800 <= (kilo or 0) <= 20_000


async def test_every_account_has_its_role_and_the_shared_password(seeded: SeededDatabase) -> None:
    async with seeded.database.read(PLATFORM) as session:
        roles = await session.execute(
            select(User.email, Membership.role).join(Membership, Membership.person_id == User.id)
        )
        assert {(one.email, one.role) for one in ALL_ACCOUNTS} == set(roles.all())
        hashes = set(await session.scalars(select(User.password_hash)))
        assert len(hashes) == 1
        assert verify_password(hashes.pop() or "", PASSWORD)
        assert await session.scalar(select(func.count()).select_from(Rider)) == sum(RIDERS.values())
    assert {one.role for one in DEMO_ACCOUNTS} == set(Role) - {
        Role.INTEGRATOR
    }  # created for apps only


async def test_seeding_again_changes_no_row(seeded: SeededDatabase) -> None:
    before = await _fingerprints(seeded)
    again = await seed(seeded.url, report=seeded.messages.append)
    assert not any(again.added_rows.values()), again.added_rows
    assert await _fingerprints(seeded) == before


async def test_a_store_seeded_before_pickup_offers_it_unless_an_admin_has_changed_it(
    seeded: SeededDatabase,
) -> None:
    """The benchmarks keep a database for months: its stores refused every example order."""
    before = (await _fingerprints(seeded))["store"]
    seeded_once, changed = (stable_id("store", "harbour", number) for number in (1, 3))
    origin = AuditContext("test")
    async with seeded.database.write(PLATFORM, origin) as session:
        own = update(Store).where(Store.id.in_([seeded_once, changed]))
        await session.execute(own.values(pickup_enabled=False))
        await session.execute(update(Store).where(Store.id == changed).values(version=2))
    await seed(seeded.url, report=seeded.messages.append)
    async with seeded.database.write(PLATFORM, origin) as session:
        stores = [await session.get_one(Store, key) for key in (seeded_once, changed)]
        assert [store.pickup_enabled for store in stores] == [True, False]
        as_before = {"pickup_enabled": True, "version": 1}
        await session.execute(update(Store).where(Store.id == changed).values(as_before))
    assert (await _fingerprints(seeded))["store"] == before


async def test_the_first_run_adds_the_catalog_and_reports_progress(seeded: SeededDatabase) -> None:
    assert seeded.summary.added_rows["product"] == len(COMPANIES) * PRODUCTS
    assert seeded.messages


async def test_the_stock_ledger_explains_all_stock(seeded: SeededDatabase) -> None:
    async with seeded.database.read(PLATFORM) as session:
        assert await find_differences(session) == []
        units = await session.scalar(select(func.sum(StockLevel.on_hand)))
        assert units is not None
        assert units > 0
        sold_out = await session.scalar(
            select(func.count()).select_from(StockLevel).where(StockLevel.on_hand == 0)
        )
        assert sold_out, "some products must be sold out"


async def test_every_customer_address_is_served_by_a_store(seeded: SeededDatabase) -> None:
    async with seeded.database.read(PLATFORM) as session:
        homes = (await session.scalars(select(Address))).all()
    async with seeded.database.read_public() as session:
        served = await coverage.are_serviceable(session, [home.location for home in homes])
    assert len(homes) >= 20
    assert all(served)


async def test_most_places_are_served_by_two_stores_of_a_company(seeded: SeededDatabase) -> None:
    async with seeded.database.read(PLATFORM) as session:
        rows = await session.scalars(
            ZONES_OVER_GRID, {"company": stable_id("company", "harbour"), "step": GRID_STEP_DEGREES}
        )
        covered = rows.all()
    twice = sum(zones >= 2 for zones in covered)
    assert len(covered) > 200
    assert twice / len(covered) >= COVERED_TWICE_SHARE, f"{twice} of {len(covered)}"


async def test_search_finds_english_and_chinese_names(seeded: SeededDatabase) -> None:
    store = stable_id("store", "harbour", 1)
    english = await _found(seeded, store, "soy sauce")
    assert english
    assert all("soy" in name.lower() for name, _ in english[:3])
    chinese = await _found(seeded, store, "醬油")
    assert any("醬油" in translations.get("zh-Hant", "") for _, translations in chinese)


async def _found(
    seeded: SeededDatabase, store: UUID, words: str
) -> list[tuple[str, dict[str, str]]]:
    async with seeded.database.read_public() as session:
        (page,) = await products.load_pages(
            session, [products.search_page_request(store, 20, None, words)]
        )
    return [(offer.name, offer.translations) for offer in page.nodes]


async def _count(session: AsyncSession, model: type[Entity], company: UUID) -> int | None:
    column = model.__table__.c.company_id
    return await session.scalar(select(func.count()).select_from(model).where(column == company))


async def _fingerprints(seeded: SeededDatabase) -> dict[str, str | None]:
    """A digest of all rows of each table."""
    digests: dict[str, str | None] = {}
    for name in Base.metadata.tables:
        digest = f"select md5(string_agg(row::text, ' ' order by row::text)) from \"{name}\" as row"  # noqa: S608 - names of mapped tables
        async with seeded.database.read(PLATFORM) as session:
            digests[name] = await session.scalar(text(digest))
    return digests
