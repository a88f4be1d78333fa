"""Suppliers and their terms: who may keep them, what is refused, of whom a product is bought."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import select

from database.base import uuid7
from database.scope import PLATFORM
from database.sessions import Database
from models.identity import Grant, Role
from models.purchasing import Supplier, SupplierProduct
from services.core.problems import InvalidInput, NotFound, Refused, VersionConflict
from services.purchasing import supplier_products, suppliers
from services.purchasing.supplier_products import SET_PRODUCTS, Terms
from services.purchasing.suppliers import SupplierCodeTaken, SupplierFacts
from tests.support.city import City
from tests.support.customers import people
from tests.support.suppliers import Supply, refused, supplied


@pytest.fixture
async def supply(database: Database, city: City) -> Supply:
    return await supplied(database, city)


async def save(supply: Supply, actor: Any = None, **more: Any) -> Supplier:
    facts: dict[str, Any] = {"code": "OTHER", "name": "Other"}
    aim = {name: more.pop(name) for name in ("supplier_id", "expected_version") if name in more}
    made: Supplier = await supply.run(
        suppliers.save, actor or supply.manager, company_id=supply.city.company.id,
        facts=SupplierFacts(**(facts | more)), **aim,
    )  # fmt: skip
    return made


async def set_terms(supply: Supply, row: Supplier, *terms: Terms, **more: Any) -> Supplier:
    given: dict[str, Any] = {"removed": [], "expected_version": row.version} | more
    made: Supplier = await supply.run(
        supplier_products.set_products, supply.manager, supplier_id=row.id, terms=terms, **given
    )
    return made


@pytest.mark.parametrize(
    ("facts", "fields"),
    [
        ({"code": ""}, {"code"}),
        ({"code": "two words"}, {"code"}),
        ({"name": " "}, {"name"}),
        ({"name": "a\0"}, {"name"}),
        ({"email": "nobody"}, {"email"}),
        ({"phone": "12"}, {"phone"}),
        ({"lead_days": -1}, {"leadDays"}),
        ({"review_days": 0}, {"reviewDays"}),
        ({"minimum_order_minor": -1}, {"minimumOrderMinor"}),
        ({"over_tolerance_percent": 101, "name": ""}, {"overTolerancePercent", "name"}),
    ],
)
async def test_every_wrong_fact_is_named(
    supply: Supply, facts: dict[str, Any], fields: set[str]
) -> None:
    reasons = await refused(save(supply, **facts))
    assert {type(one) for one in reasons} == {InvalidInput}
    assert {one.path[1] for one in reasons} == fields


async def test_codes_are_ones_own_and_changes_know_their_version(supply: Supply) -> None:
    [reason] = await refused(save(supply, code="lacto"))
    assert isinstance(reason, SupplierCodeTaken)
    row = await save(supply)
    doing = (save(supply, name=name, supplier_id=row.id, expected_version=1) for name in ("A", "B"))
    answers = await asyncio.gather(*doing, return_exceptions=True)
    [conflict] = [one.reasons[0] for one in answers if isinstance(one, Refused)]
    assert isinstance(conflict, VersionConflict)
    assert conflict.current == 2
    [reason] = await refused(save(supply, supplier_id=row.id))
    assert isinstance(reason, VersionConflict)


async def test_one_supplier_is_preferred_for_a_product_whoever_says_so_at_once(
    supply: Supply,
) -> None:
    rows = [supply.supplier, await save(supply), await save(supply, code="THIRD")]
    terms = [Terms(product_id=supply.product(n), pack_cost_minor=1, preferred=True) for n in (0, 1)]
    doing = (set_terms(supply, row, *terms[:: 1 - 2 * (n % 2)]) for n, row in enumerate(rows))
    await asyncio.gather(*doing)
    async with supply.database.read(PLATFORM) as session:
        keys = [one.product_id for one in terms]
        sold = select(SupplierProduct).where(SupplierProduct.product_id.in_(keys))
        preferred = [one.product_id for one in await session.scalars(sold) if one.preferred]
    assert sorted(preferred) == sorted(keys)


async def test_terms_that_can_not_be_right_are_refused(supply: Supply) -> None:
    first: dict[str, Any] = {"product_id": supply.product(5), "pack_cost_minor": 1}
    good = Terms(**first)
    foreign = supply.city.second.products[0].id
    cases: list[tuple[list[Terms], type, list[str]]] = [
        ([], InvalidInput, ["products"]),
        ([good, good], InvalidInput, ["products"]),
        ([good] * (SET_PRODUCTS + 1), InvalidInput, ["products"]),
        (
            [Terms(**(first | {"pack_cost_minor": -1}))],
            InvalidInput,
            ["products", "0", "packCostMinor"],
        ),
        ([Terms(**first, pack_units=0)], InvalidInput, ["products", "0", "packUnits"]),
        ([Terms(**first, lead_days=-1)], InvalidInput, ["products", "0", "leadDays"]),
        ([Terms(**first, sku="a\0")], InvalidInput, ["products", "0", "sku"]),
        (
            [good, Terms(product_id=foreign, pack_cost_minor=1)],
            NotFound,
            ["products", "1", "productId"],
        ),
    ]
    for terms, kind, path in cases:
        [reason] = await refused(set_terms(supply, supply.supplier, *terms))
        assert (type(reason), reason.path) == (kind, ["input", *path])
    [reason] = await refused(set_terms(supply, supply.supplier, good, expected_version=1))
    assert isinstance(reason, VersionConflict)


async def test_other_companies_and_mere_staff_find_no_supplier(supply: Supply) -> None:
    city = supply.city
    grants = (
        Grant(Role.COMPANY_ADMIN, city.second.id),
        Grant(Role.STORE_STAFF, city.company.id, city.near.id),
        Grant(Role.SUPPORT_AGENT, city.company.id),
    )
    for grant in grants:
        (stranger,) = await people(supply.database, 1, grant)
        of_it = {"supplier_id": supply.supplier.id}
        change = {**of_it, "archived": True, "expected_version": 2}
        page = {"company_id": city.company.id, "first": 1, "cursor": None}
        for doing in (
            save(supply, stranger),
            save(supply, stranger, supplier_id=supply.supplier.id, expected_version=2),
            supply.run(suppliers.archive, stranger, **change),
            supply.run(suppliers.visible, stranger, **of_it),
            supply.run(suppliers.listed, stranger, **page),
        ):
            [reason] = await refused(doing)
            assert isinstance(reason, NotFound)
    [reason] = await refused(save(supply, supplier_id=uuid7(), expected_version=1))
    assert isinstance(reason, NotFound)
