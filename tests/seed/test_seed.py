"""What a first start finds in the database, and that a second one leaves it as it is."""

from uuid import UUID

from sqlalchemy import bindparam, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from database.base import Base, Keyed
from database.scope import PLATFORM
from models.accounts import Address, Membership, Person
from models.catalog import Brand, Category, Listing, Product, TemperatureZone
from models.delivery import Rider
from models.identity import Role
from models.stock import Stock
from models.stores import Store, StoreZone
from seed import seed
from seed.accounts import EVERYONE, PASSWORD, RIDERS, STANDING
from seed.rows import key
from services.catalog import products
from services.identity.passwords import matches
from services.stock.stock_audit import conservation
from services.stores import coverage
from tests.seed.conftest import Seeded

COMPANIES = ("harbour", "peak")
PRODUCTS, BRANDS, STORES = 2_619, 765, 16
COLD_LEAST = 100
WEIGHED = 18
# On the third level 336 names, some of them in two departments, make 346 categories.
CATEGORIES_BY_DEPTH = {0: 10, 1: 77, 2: 346}
FIRST_SEED_SECONDS = 60
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


async def test_the_whole_catalog_is_there_for_each_company(seeded: Seeded) -> None:
    async with seeded.database.read(PLATFORM) as session:
        for slug in COMPANIES:
            company = key("company", slug)
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
            assert {zone for zone, count in zones if count >= COLD_LEAST} == set(TemperatureZone)
        assert await session.scalar(select(func.count()).select_from(Store)) == STORES
        assert await session.scalar(select(func.count()).select_from(Listing)) == STORES * PRODUCTS


async def test_loose_fruit_and_vegetables_are_sold_by_weight_in_every_store(seeded: Seeded) -> None:
    async with seeded.database.read(PLATFORM) as session:
        loose = await session.execute(
            select(Product.id, Product.unit_grams, Product.name).where(Product.weighed)
        )
        grams = {key: unit_grams for key, unit_grams, _ in loose}
        assert len(grams) == WEIGHED * len(COMPANIES)
        rows = await session.execute(
            select(Listing.product_id, Listing.unit_grams, Listing.kilo_price_minor).where(
                Listing.unit_grams.is_not(None)
            )
        )
        sold = rows.all()
    assert len(sold) == WEIGHED * STORES
    for product_id, unit_grams, kilo in sold:
        assert unit_grams == grams[product_id]
        # Between 8 and 200 Hong Kong dollars a kilogram: a list of weights gone wrong would show.
        assert 800 <= (kilo or 0) <= 20_000


async def test_every_account_can_sign_in_and_do_its_work(seeded: Seeded) -> None:
    async with seeded.database.read(PLATFORM) as session:
        held = await session.execute(
            select(Person.email, Membership.role).join(
                Membership, Membership.person_id == Person.id
            )
        )
        assert {(one.email, one.role) for one in EVERYONE} == set(held.all())
        hashes = set(await session.scalars(select(Person.password_hash)))
        assert len(hashes) == 1
        assert matches(hashes.pop() or "", PASSWORD)
        assert await session.scalar(select(func.count()).select_from(Rider)) == sum(RIDERS.values())
    assert {one.role for one in STANDING} == set(Role) - {Role.INTEGRATOR}  # apps make their own


async def test_seeding_again_changes_no_row(seeded: Seeded) -> None:
    before = await _fingerprints(seeded)
    again = await seed(seeded.url, say=seeded.said.append)
    assert not any(again.new.values()), again.new
    assert await _fingerprints(seeded) == before


async def test_a_first_seed_is_done_within_a_minute(seeded: Seeded) -> None:
    assert seeded.summary.seconds <= FIRST_SEED_SECONDS
    assert seeded.summary.new["product"] == len(COMPANIES) * PRODUCTS
    assert seeded.said


async def test_the_ledger_explains_every_unit_on_the_shelves(seeded: Seeded) -> None:
    async with seeded.database.read(PLATFORM) as session:
        assert await conservation(session) == []
        units = await session.scalar(select(func.sum(Stock.on_hand)))
        assert units is not None
        assert units > 0
        sold_out = await session.scalar(
            select(func.count()).select_from(Stock).where(Stock.on_hand == 0)
        )
        assert sold_out, "a store in which everything is there would be a toy"


async def test_a_store_delivers_to_every_customers_home(seeded: Seeded) -> None:
    async with seeded.database.read(PLATFORM) as session:
        homes = (await session.scalars(select(Address))).all()
    async with seeded.database.public() as session:
        served = await coverage.served(session, [home.point for home in homes])
    assert len(homes) >= 20
    assert all(served)


async def test_most_places_are_in_reach_of_two_stores_of_a_company(seeded: Seeded) -> None:
    async with seeded.database.read(PLATFORM) as session:
        found = await session.scalars(
            ZONES_OVER_GRID, {"company": key("company", "harbour"), "step": GRID_STEP_DEGREES}
        )
        covered = found.all()
    twice = sum(zones >= 2 for zones in covered)
    assert len(covered) > 200
    assert twice / len(covered) >= COVERED_TWICE_SHARE, f"{twice} of {len(covered)}"


async def test_search_finds_english_and_chinese_names(seeded: Seeded) -> None:
    store = key("store", "harbour", 1)
    english = await _found(seeded, store, "soy sauce")
    assert english
    assert all("soy" in name.lower() for name, _ in english[:3])
    chinese = await _found(seeded, store, "醬油")
    assert any("醬油" in translations.get("zh-Hant", "") for _, translations in chinese)


async def _found(seeded: Seeded, store: UUID, words: str) -> list[tuple[str, dict[str, str]]]:
    async with seeded.database.public() as session:
        (page,) = await products.pages(session, [products.searched(store, 20, None, words)])
    return [(offer.name, offer.translations) for offer in page.nodes]


async def _count(session: AsyncSession, model: type[Keyed], company: UUID) -> int | None:
    column = model.__table__.c.company_id
    return await session.scalar(select(func.count()).select_from(model).where(column == company))


async def _fingerprints(seeded: Seeded) -> dict[str, str | None]:
    """A digest of all rows of each table."""
    found: dict[str, str | None] = {}
    for name in Base.metadata.tables:
        digest = f"select md5(string_agg(row::text, ' ' order by row::text)) from \"{name}\" as row"  # noqa: S608 - names of our own tables
        async with seeded.database.read(PLATFORM) as session:
            found[name] = await session.scalar(text(digest))
    return found
