"""Every way in finds the product of a code, and no code is of two products."""

import asyncio
from typing import Any

import asyncpg
import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from database.audit import AuditContext
from database.base import uuid7
from database.scope import PLATFORM
from database.sessions import Database
from models.catalog import Listing, Product
from models.identity import Actor, Grant, Role
from services.catalog.product_codes import check_digit
from services.catalog.weights import piece_price
from services.core.problems import DomainError, InvalidInput
from services.counter_sales import counter_baskets
from services.counter_sales.counter_baskets import ScannedItem
from tests.support.city import City
from tests.support.customers import create_people
from tests.support.graph_queries import GraphRunner, operation, public_id
from tests.support.paths import ROOT

EAN, UPC = "0012345678905", "012345678905"
SET, SCAN = operation("product_barcodes_set"), operation("scanned_product")
LABELS = operation("company_scale_labels_set")
ORIGIN = AuditContext("test")


@pytest.fixture
async def admin(database: Database, city: City) -> Actor:
    (actor,) = await create_people(database, 1, Grant(Role.COMPANY_ADMIN, city.company.id))
    return actor


@pytest.fixture
async def picker(database: Database, city: City) -> Actor:
    grant = Grant(Role.STORE_STAFF, city.company.id, city.near.id)
    (actor,) = await create_people(database, 1, grant)
    return actor


async def set_barcodes(
    ask: GraphRunner, actor: Actor, product: Product, *barcodes: str
) -> list[str]:
    """The barcodes as they are now, or the types of the problems."""
    fields = {"productId": public_id(product), "barcodes": list(barcodes)}
    payload = (await ask(SET, {"input": fields}, actor)).data["productBarcodesSet"]
    return payload["barcodes"] or [one["__typename"] for one in payload["errors"]]


async def scan(ask: GraphRunner, actor: Actor, city: City, code: str) -> Any:
    answer = await ask(SCAN, {"storeId": public_id(city.near), "code": code}, actor)
    return answer.data.get("scannedProduct") or answer.codes


async def change(database: Database, product: Product, **values: str) -> None:
    async with database.write(PLATFORM, ORIGIN) as session:
        await session.execute(update(Product).where(Product.id == product.id).values(**values))


@pytest.mark.parametrize("scanned", [EAN, UPC, "00012345678905", f"(01)0{EAN}", f"]E0{EAN}"])
async def test_a_product_is_found_by_every_length_of_its_number(
    scanned: str, ask: GraphRunner, city: City, admin: Actor, picker: Actor
) -> None:
    """0012345678905 scanned as 012345678905 was unknown."""
    milk = city.products[0]
    assert await set_barcodes(ask, admin, milk, EAN) == [EAN]
    found = await scan(ask, picker, city, scanned)
    assert (found["product"]["id"], found["barcodes"]) == (public_id(milk), [EAN])


async def test_a_product_is_found_by_each_of_its_barcodes(
    ask: GraphRunner, city: City, admin: Actor, picker: Actor
) -> None:
    """A packet of ten and a new design have codes of their own, and were unknown."""
    milk = city.products[0]
    codes = [EAN, "12345670", "A-7"]
    assert await set_barcodes(ask, admin, milk, *codes, UPC) == codes
    for code in (*codes, UPC, milk.code):
        assert (await scan(ask, picker, city, code))["product"]["id"] == public_id(milk)
    assert await set_barcodes(ask, admin, milk, "A-7") == ["A-7"]
    assert await scan(ask, picker, city, UPC) == ["NOT_FOUND"]


@pytest.mark.parametrize("code", ["OWN-1", EAN])
async def test_barcodes_that_were_read_are_saved_without_a_change(
    code: str, ask: GraphRunner, city: City, admin: Actor, database: Database
) -> None:
    """The own code as main barcode was not listed: a client that saved the list removed it."""
    milk = city.products[0]
    await change(database, milk, code=code)
    for given, kept in [([code, "M-1"], [code, "M-1"]), (["M-1", code], ["M-1"]), ([code], [code])]:
        read = await set_barcodes(ask, admin, milk, *given)
        assert read == kept
        assert await set_barcodes(ask, admin, milk, *read) == read
        async with database.read(PLATFORM) as session:
            query = select(Product.barcode).where(Product.id == milk.id)
            assert await session.scalar(query) == kept[0]


async def test_no_code_is_of_two_products(
    ask: GraphRunner, city: City, admin: Actor, database: Database
) -> None:
    """The code 22 as code of one product and barcode of another sold one of them silently."""
    first, second = city.products[:2]
    await change(database, first, code="22")
    taken = ["BarcodeTaken"]
    assert await set_barcodes(ask, admin, second, "22") == taken
    assert await set_barcodes(ask, admin, second, "A-7", "22") == taken
    assert await set_barcodes(ask, admin, first, EAN) == [EAN]
    assert await set_barcodes(ask, admin, second, "12345670", UPC) == taken
    for values in ({"code": EAN}, {"barcode": UPC}, {"barcode": "22"}):
        with pytest.raises(IntegrityError):
            await change(database, second, **values)
    # Another company has its own codes.
    await change(database, city.second.products[0], barcode="22")


async def test_of_two_writers_of_a_code_one_is_refused(
    ask: GraphRunner, city: City, admin: Actor
) -> None:
    """Two admins give one code to two products at once: one of them was sold silently."""
    first, second = city.products[:2]
    answers = await asyncio.gather(
        *(set_barcodes(ask, admin, one, "NEW-1") for one in (first, second))
    )
    assert sorted(answers) == [["BarcodeTaken"], ["NEW-1"]]


@pytest.mark.parametrize("barcode", ["0012345678906", "", "(01)00012345678905(10)L1"])
async def test_a_wrong_check_digit_is_refused(
    barcode: str, ask: GraphRunner, city: City, admin: Actor
) -> None:
    """A mistyped number would be a code that no scanner ever sends."""
    assert await set_barcodes(ask, admin, city.products[0], barcode) == ["InvalidInput"]


@pytest.mark.parametrize("role", [Role.STORE_STAFF, Role.STORE_MANAGER, Role.CUSTOMER])
async def test_other_staff_may_not_set_barcodes_or_labels(
    role: Role, ask: GraphRunner, city: City, database: Database
) -> None:
    """A picker could make a dear product scan as a cheap one."""
    store = city.near.id if role is not Role.CUSTOMER else None
    company = city.company.id if store else None
    (actor,) = await create_people(database, 1, Grant(role, company, store))
    fields = {"productId": public_id(city.products[0]), "barcodes": []}
    assert (await ask(SET, {"input": fields}, actor)).codes == ["FORBIDDEN"]
    labels = {"companyId": public_id(city.company), "formats": []}
    assert (await ask(LABELS, {"input": labels}, actor)).codes == ["FORBIDDEN"]


async def test_a_scan_says_lot_and_last_day(
    ask: GraphRunner, city: City, admin: Actor, picker: Actor
) -> None:
    """A GS1 code with lot and expiry was unknown."""
    await set_barcodes(ask, admin, city.products[0], EAN)
    found = await scan(ask, picker, city, f"]d2010{EAN}10L2210\x1d17991231")
    assert (found["batchCode"], found["weightGrams"]) == ("L2210", None)
    assert found["sellByDate"].endswith("-12-31")


async def weigh(database: Database, product: Product, price_per_kilogram_minor: int) -> None:
    async with database.write(PLATFORM, ORIGIN) as session:
        grams = {"weighed": True, "average_weight_grams": 500}
        await session.execute(update(Product).where(Product.id == product.id).values(**grams))
        of_listing = update(Listing).where(Listing.product_id == product.id)
        prices = {"average_weight_grams": 500, "price_per_kilogram_minor": price_per_kilogram_minor}
        price = {"price_minor": piece_price(price_per_kilogram_minor, 500)}
        await session.execute(of_listing.values(**prices, **price))


async def test_the_label_of_a_scale_sells_its_weight_or_its_price(
    ask: GraphRunner, city: City, admin: Actor, picker: Actor, database: Database
) -> None:
    """A label of a scale was an unknown code."""
    apples = city.products[0]
    await weigh(database, apples, 1_999)
    await set_barcodes(ask, admin, apples, "00042")
    labels = {"companyId": public_id(city.company), "formats": ["21IIIIIWWWWWC", "22IIIIIPPPPPC"]}
    assert not (await ask(LABELS, {"input": labels}, admin)).data["companyScaleLabelsSet"]["errors"]
    weight, price = "210004200618", "220004201234"
    codes = [weight + check_digit(weight), price + check_digit(price)]
    found = await scan(ask, picker, city, codes[0])
    assert (found["product"]["id"], found["weightGrams"]) == (public_id(apples), 618)
    assert (await scan(ask, picker, city, codes[1]))["labelPrice"] == {"minorUnits": 1234}
    async with database.read(PLATFORM) as session:
        scans = [ScannedItem(1, code) for code in codes]
        [line] = await counter_baskets.price_basket(session, city.near, scans)
        assert (line.quantity, line.total_minor) == (2, 1235 + 1234)
        with pytest.raises(DomainError) as refused:
            await counter_baskets.price_basket(session, city.near, [ScannedItem(2, codes[0])])
    assert isinstance(refused.value.problems[0], InvalidInput)


async def test_the_counter_and_the_search_of_stock_know_every_length(
    ask: GraphRunner, city: City, admin: Actor, picker: Actor, database: Database
) -> None:
    """The counter knew the number with its zeros only, and the scanner sends it without."""
    milk = city.products[0]
    await set_barcodes(ask, admin, milk, EAN, "A-7")
    stock = "query ($id: ID!, $s: String!) { storeStock(storeId: $id, first: 5, search: $s) {"
    stock += " nodes { product { id } } } }"
    for code in (EAN, UPC, "A-7", milk.code):
        async with database.read(PLATFORM) as session:
            [line] = await counter_baskets.price_basket(session, city.near, [ScannedItem(2, code)])
        assert (line.product.id, line.quantity) == (milk.id, 2)
        answer = await ask(stock, {"id": public_id(city.near), "s": code}, picker)
        rows = answer.data["storeStock"]["nodes"]
        assert [row["product"]["id"] for row in rows] == [public_id(milk)]


INSERT = "insert into product (id, company_id, code, barcode, name, category_id, translations,"
INSERT += " search_text, offer_text, weighed, age_restricted, active) values"
INSERT += " ($1, $2, $3, $4, '', $2, '{}', '', '', false, false, true)"


async def test_codes_of_several_products_are_reported_by_the_migration(
    fresh_database_url: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """ "22" was the code of one product and the barcode of another: one was sold silently."""
    configuration = Config(ROOT / "alembic.ini")
    configuration.attributes["database_url"] = fresh_database_url
    revisions = ScriptDirectory.from_config(configuration).walk_revisions()
    [found] = [one for one in revisions if one.path.endswith("_product_codes.py")]
    await asyncio.to_thread(command.downgrade, configuration, f"{found.down_revision}")
    connection = await asyncpg.connect(fresh_database_url.replace("+asyncpg", "", 1))
    await connection.execute("set session_replication_role = replica")  # no parents are needed
    company, keys = uuid7(), [uuid7() for _ in range(3)]
    rows = [("22", EAN), ("P2", "22"), ("P3", None)]
    for key, row in zip(keys, rows, strict=True):
        await connection.execute(INSERT, key, company, *row)
    await asyncio.to_thread(command.upgrade, configuration, "head")
    assert f"code '22' of company {company} names several products" in capfd.readouterr().out
    stored = await connection.fetch("select value, product_id, kind from product_code")
    assert {tuple(row) for row in stored} == {
        ("22", None, "CODE"), (f"0{EAN}", keys[0], "BARCODE"), ("P2", keys[1], "CODE"),
        ("P3", keys[2], "CODE"),
    }  # fmt: skip
    await connection.execute("set session_replication_role = origin")
    await connection.execute("update product set name = 'x' where id = $1", keys[0])
    await connection.execute("update product set barcode = null where id = $1", keys[1])
    left = await connection.fetchval("select product_id from product_code where value = '22'")
    assert left == keys[0]
    await connection.close()
