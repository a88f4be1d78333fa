"""Suppliers and their terms: who may change them, refusals, and preferred suppliers."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import select

from database.base import uuid7
from database.scope import PLATFORM
from database.sessions import Database
from models.identity import Grant, Role
from models.purchasing import Supplier, SupplierProduct
from services.core.problems import DomainError, InvalidInput, NotFound, VersionConflict
from services.purchasing import supplier_products, suppliers
from services.purchasing.supplier_products import MAX_PRODUCTS_PER_REQUEST, SupplierProductTerms
from services.purchasing.suppliers import SupplierCodeTaken, SupplierDetails
from tests.support.city import City
from tests.support.customers import create_people
from tests.support.suppliers import SupplierScenario, create_supplier_scenario, expect_problems


@pytest.fixture
async def supply(database: Database, city: City) -> SupplierScenario:
    return await create_supplier_scenario(database, city)


async def save_supplier(supply: SupplierScenario, actor: Any = None, **more: Any) -> Supplier:
    """Create a supplier, or update the one of `supplier_id`."""
    who = actor or supply.manager
    target = {name: more.pop(name) for name in ("supplier_id", "expected_version") if name in more}
    supplier: Supplier
    if target:
        supplier = await supply.run_as(suppliers.update, who, changes=more, **target)
        return supplier
    details: dict[str, Any] = {"code": "OTHER", "name": "Other"}
    supplier = await supply.run_as(
        suppliers.create, who, company_id=supply.city.company.id,
        details=SupplierDetails(**(details | more)),
    )  # fmt: skip
    return supplier


async def set_terms(
    supply: SupplierScenario, row: Supplier, *terms: SupplierProductTerms, **more: Any
) -> Supplier:
    arguments: dict[str, Any] = {"removed": [], "expected_version": row.version} | more
    supplier: Supplier = await supply.run_as(
        supplier_products.set_products, supply.manager, supplier_id=row.id, terms=terms, **arguments
    )
    return supplier


@pytest.mark.parametrize(
    ("details", "fields"),
    [
        ({"code": ""}, {"code"}),
        ({"code": "two words"}, {"code"}),
        ({"name": " "}, {"name"}),
        ({"name": "a\0"}, {"name"}),
        ({"email": "nobody"}, {"email"}),
        ({"phone": "12"}, {"phone"}),
        ({"lead_time_days": -1}, {"leadTimeDays"}),
        ({"review_period_days": 0}, {"reviewPeriodDays"}),
        ({"minimum_order_minor": -1}, {"minimumOrderMinor"}),
        ({"over_tolerance_percent": 101, "name": ""}, {"overTolerancePercent", "name"}),
    ],
)
async def test_every_invalid_value_is_reported(
    supply: SupplierScenario, details: dict[str, Any], fields: set[str]
) -> None:
    problems = await expect_problems(save_supplier(supply, **details))
    assert {type(one) for one in problems} == {InvalidInput}
    assert {one.path[1] for one in problems} == fields


async def test_codes_are_unique_and_changes_need_the_current_version(
    supply: SupplierScenario,
) -> None:
    [problem] = await expect_problems(save_supplier(supply, code="lacto"))
    assert isinstance(problem, SupplierCodeTaken)
    row = await save_supplier(supply)
    calls = (
        save_supplier(supply, name=name, supplier_id=row.id, expected_version=1)
        for name in ("A", "B")
    )
    results = await asyncio.gather(*calls, return_exceptions=True)
    [conflict] = [one.problems[0] for one in results if isinstance(one, DomainError)]
    assert isinstance(conflict, VersionConflict)
    assert conflict.current_version == 2
    [problem] = await expect_problems(save_supplier(supply, supplier_id=row.id, expected_version=1))
    assert isinstance(problem, VersionConflict)


async def test_concurrent_changes_leave_one_preferred_supplier_per_product(
    supply: SupplierScenario,
) -> None:
    rows = [supply.supplier, await save_supplier(supply), await save_supplier(supply, code="THIRD")]
    terms = [
        SupplierProductTerms(product_id=supply.product(n), pack_cost_minor=1, preferred=True)
        for n in (0, 1)
    ]
    calls = (set_terms(supply, row, *terms[:: 1 - 2 * (n % 2)]) for n, row in enumerate(rows))
    await asyncio.gather(*calls)
    async with supply.database.read(PLATFORM) as session:
        keys = [one.product_id for one in terms]
        sold = select(SupplierProduct).where(SupplierProduct.product_id.in_(keys))
        preferred = [one.product_id for one in await session.scalars(sold) if one.preferred]
    assert sorted(preferred) == sorted(keys)


async def test_invalid_terms_are_refused(supply: SupplierScenario) -> None:
    first: dict[str, Any] = {"product_id": supply.product(5), "pack_cost_minor": 1}
    valid = SupplierProductTerms(**first)
    foreign = supply.city.second.products[0].id
    cases: list[tuple[list[SupplierProductTerms], type, list[str]]] = [
        ([], InvalidInput, ["products"]),
        ([valid, valid], InvalidInput, ["products"]),
        ([valid] * (MAX_PRODUCTS_PER_REQUEST + 1), InvalidInput, ["products"]),
        (
            [SupplierProductTerms(**(first | {"pack_cost_minor": -1}))],
            InvalidInput,
            ["products", "0", "packCostMinor"],
        ),
        (
            [SupplierProductTerms(**first, units_per_pack=0)],
            InvalidInput,
            ["products", "0", "unitsPerPack"],
        ),
        (
            [SupplierProductTerms(**first, lead_time_days=-1)],
            InvalidInput,
            ["products", "0", "leadTimeDays"],
        ),
        (
            [SupplierProductTerms(**first, sku="a\0")],
            InvalidInput,
            ["products", "0", "supplierSku"],
        ),
        (
            [valid, SupplierProductTerms(product_id=foreign, pack_cost_minor=1)],
            NotFound,
            ["products", "1", "productId"],
        ),
    ]
    for terms, kind, path in cases:
        [problem] = await expect_problems(set_terms(supply, supply.supplier, *terms))
        assert (type(problem), problem.path) == (kind, ["input", *path])
    [problem] = await expect_problems(set_terms(supply, supply.supplier, valid, expected_version=1))
    assert isinstance(problem, VersionConflict)


async def test_other_companies_and_store_staff_get_not_found(supply: SupplierScenario) -> None:
    city = supply.city
    grants = (
        Grant(Role.COMPANY_ADMIN, city.second.id),
        Grant(Role.STORE_STAFF, city.company.id, city.near.id),
        Grant(Role.SUPPORT_AGENT, city.company.id),
    )
    for grant in grants:
        (stranger,) = await create_people(supply.database, 1, grant)
        of_supplier = {"supplier_id": supply.supplier.id}
        change = {**of_supplier, "expected_version": 2}
        page = {"company_id": city.company.id, "first": 1, "cursor": None}
        for call in (
            save_supplier(supply, stranger),
            save_supplier(supply, stranger, supplier_id=supply.supplier.id, expected_version=2),
            supply.run_as(suppliers.archive, stranger, **change),
            supply.run_as(suppliers.visible_supplier, stranger, **of_supplier),
            supply.run_as(suppliers.list_of_company, stranger, **page),
        ):
            [problem] = await expect_problems(call)
            assert isinstance(problem, NotFound)
    [problem] = await expect_problems(
        save_supplier(supply, supplier_id=uuid7(), expected_version=1)
    )
    assert isinstance(problem, NotFound)
