"""A code of several products sells none of them: every entry point names the products."""

import re
from typing import Any

import pytest
from graphql import get_named_type
from sqlalchemy import delete, update
from sqlalchemy.exc import IntegrityError

from attack.extremes.inputs import SHAPE
from database.audit import AuditContext
from database.base import uuid7
from database.scope import PLATFORM
from database.sessions import Database
from models.catalog import Listing, Product, ProductCode
from models.identity import Actor, Grant, Role
from services.catalog.code_lookup import (
    MAX_CANDIDATES,
    AmbiguousProductCode,
    ambiguous_code,
    find_product,
)
from services.catalog.product_codes import check_digit, expand_upc_e
from services.core.problems import DomainError
from services.counter_sales import counter_baskets
from services.counter_sales.counter_baskets import ScannedItem
from tests.support.city import City
from tests.support.customers import create_people
from tests.support.graph_queries import GraphRunner, operation, public_id
from tests.support.paths import ROOT

SCAN = operation("scanned_product")
ORIGIN = AuditContext("test")
MUTATIONS: Any = SHAPE.type_map["Mutation"]


@pytest.fixture
async def picker(database: Database, city: City) -> Actor:
    grant = Grant(Role.STORE_STAFF, city.company.id, city.near.id)
    (actor,) = await create_people(database, 1, grant)
    return actor


async def set_fields(database: Database, product: Product, **values: str) -> None:
    async with database.write(PLATFORM, ORIGIN) as session:
        await session.execute(update(Product).where(Product.id == product.id).values(**values))


async def test_a_code_of_several_products_from_before_sells_none_of_them(
    city: City, database: Database
) -> None:
    """Such codes were stored when nothing forbade it: they name nothing until it is clear."""
    first, second = city.products[:2]
    await share_code(database, first, second, "22")
    expected = tuple(sorted([first.id, second.id]))
    for find in (
        lambda session: counter_baskets.price_basket(session, city.near, [ScannedItem(1, "22")]),
        lambda session: find_product(session, city.company.id, "22", "input", "code"),
    ):
        with pytest.raises(DomainError) as refused:
            async with database.read(PLATFORM) as session:
                await find(session)
        [problem] = refused.value.problems
        assert isinstance(problem, AmbiguousProductCode)
        assert problem.candidate_ids == expected
    with pytest.raises(IntegrityError):
        await set_fields(database, city.products[2], barcode="22")


def test_each_entry_point_that_takes_a_scanned_code_says_when_it_is_ambiguous() -> None:
    """Picking said InvalidInput and the counter UnknownProductCode, which help no clerk."""
    entry_points = {name for name, field in MUTATIONS.fields.items() if takes_code(field)}
    assert entry_points == {
        "posSaleCreate", "fulfillmentLinePick", "substitutionPropose",
        "purchaseOrderReceive", "stockCountLineSet",
    }  # fmt: skip
    for name in entry_points:
        payload: Any = get_named_type(MUTATIONS.fields[name].type)
        problems = get_named_type(payload.fields["errors"].type)
        assert "AmbiguousProductCode" in {one.name for one in problems.types}, name


def takes_code(field: Any) -> bool:
    """Whether the input of a mutation, or a row of it, has a field for a scanned code."""
    shapes = [get_named_type(argument.type) for argument in field.args.values()]
    while shapes:
        fields = getattr(shapes.pop(), "fields", {})
        if "scannedCode" in fields:
            return True
        shapes += [get_named_type(one.type) for one in fields.values()]
    return False


def test_products_are_found_by_codes_in_one_place() -> None:
    """An entry point with a statement of its own sold one of several products with a code."""
    others = [
        path
        for folder in ("services", "workflows", "resolvers", "dataloaders")
        for path in (ROOT / folder).rglob("*.py")
        if re.search(r"\bProductCode\b", path.read_text())
        and path.parent != ROOT / "services" / "catalog"
    ]
    assert others == []


async def test_the_counter_shows_the_products_of_an_ambiguous_code(
    ask: GraphRunner, city: City, database: Database, picker: Actor
) -> None:
    """04252614 is an EAN-8 of one product and the UPC-E of another: the seller chooses."""
    first, second, third = city.products[:3]
    code, upc_a = ambiguous_upc_e()
    for product, text in ((first, code), (second, upc_a)):
        await set_fields(database, product, barcode=text)
    fields: Any = {
        "storeId": public_id(city.near),
        "tenderType": "CASH",
        "cashReceivedMinor": 99_999,
    }
    fields["lines"] = [
        {"product": {"scannedCode": code}, "quantity": 1},
        {"product": {"scannedCode": third.code}, "quantity": 1},
    ]
    answer = await ask(operation("pos_sale_create"), {"input": fields}, picker)
    [problem] = answer.data["posSaleCreate"]["errors"]
    assert (problem["__typename"], problem["path"]) == (
        "AmbiguousProductCode", ["input", "lines", "0", "product", "scannedCode"],
    )  # fmt: skip
    shown = [(one["id"], one["name"], one["barcode"]) for one in problem["candidates"]]
    expected = [(public_id(first), first.name, code), (public_id(second), second.name, upc_a)]
    assert sorted(shown) == sorted(expected)
    answer = await ask(SCAN, {"storeId": public_id(city.near), "code": code}, picker)
    assert answer.codes == ["AMBIGUOUS_PRODUCT_CODE"]
    [error] = answer.errors
    assert set(error["extensions"]["candidates"]) == {public_id(first), public_id(second)}
    # What the store does not list is no candidate at its counter: the code is clear there.
    async with database.write(PLATFORM, ORIGIN) as session:
        here = (Listing.store_id == city.near.id) & (Listing.product_id == second.id)
        await session.execute(delete(Listing).where(here))
    async with database.read(PLATFORM) as session:
        [line] = await counter_baskets.price_basket(session, city.near, [ScannedItem(1, code)])
    assert line.product.id == first.id


async def test_at_most_ten_products_of_a_code_are_shown(city: City, database: Database) -> None:
    """A code that a whole assortment had would answer with all of it."""
    keys = [uuid7() for _ in range(MAX_CANDIDATES + 1)]
    assert len(ambiguous_code(keys, "code").candidate_ids) == MAX_CANDIDATES


async def share_code(database: Database, first: Product, second: Product, code: str) -> None:
    """Give a code to two products, as before each code was of one only."""
    shared = (ProductCode.company_id == first.company_id) & (ProductCode.value == code)
    await set_fields(database, second, barcode=code)
    async with database.write(PLATFORM, ORIGIN) as session:
        await session.execute(delete(ProductCode).where(shared))
    await set_fields(database, first, code=code)
    async with database.write(PLATFORM, ORIGIN) as session:
        await session.execute(update(ProductCode).where(shared).values(product_id=None))


def ambiguous_upc_e() -> tuple[str, str]:
    """A number that is a GTIN-8 and a UPC-E, and the UPC-A of the latter."""
    for number in range(100_000, 200_000):
        code = f"0{number}" + check_digit(f"0{number}")
        if upc_a := expand_upc_e(code):
            return code, upc_a.removeprefix("00")
    raise AssertionError("no number is both")
