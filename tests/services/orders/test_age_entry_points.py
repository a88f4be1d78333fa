"""Each way by which a product that is not sold to minors is sold asks for the customer's age."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pytest
from sqlalchemy import func, select

from database.scope import PLATFORM
from database.sessions import Database
from models.carts import SubstitutionPreference
from models.counter_sales import PosSale, TenderKind
from models.orders import AgeCheckDocument, OrderLine
from services.carts.age_restrictions import AgeConfirmationRequired, TooYoung
from services.carts.baskets import RequestedLine
from services.checkout import order_changes
from services.checkout.change_pricing import ChangeRequest
from services.core.problems import DomainError
from services.counter_sales import counter_sales
from services.counter_sales.counter_baskets import CounterPayment, ScannedItem
from services.fulfillment import picking, substitutions
from services.fulfillment.picking import LinePick
from services.fulfillment.substitutions import SubstituteProposal
from services.orders.age_checks import ShownDocument
from tests.support.city import City
from tests.support.customers import ORIGIN, create_people, order_request, product_id
from tests.support.paid_orders import (
    OrderDependencies,
    create_picker,
    lines_of,
    place_paid_order,
    write_as,
)
from tests.support.store_staff import accept_task, run_step
from workflows.checkout import place_order

BEER = 2
DOCUMENTS = (
    None,
    ShownDocument(AgeCheckDocument.NONE),
    ShownDocument(AgeCheckDocument.PASSPORT, None, False),
)
PAID = CounterPayment(TenderKind.CASH, 100_000)


async def restrict_beer(database: Database, city: City) -> None:
    async with database.write(PLATFORM, ORIGIN) as session:
        (await session.merge(city.products[BEER], load=True)).age_restricted = True


async def order_unasked(dependencies: OrderDependencies, city: City) -> None:
    """Order it without a confirmation."""
    await restrict_beer(dependencies.database, city)
    (customer,) = await create_people(dependencies.database)
    request = order_request(city, 1, (0, BEER))
    await place_order.place(dependencies, actor=customer, origin=ORIGIN, order_request=request)


async def add_to_order(dependencies: OrderDependencies, city: City) -> None:
    """Order milk, then change the order."""
    (customer,) = await create_people(dependencies.database)
    order = await place_paid_order(dependencies, city, 2, (0, 1), customer)
    await restrict_beer(dependencies.database, city)
    lines = tuple(RequestedLine(product_id(city, index), 2) for index in (0, 1, BEER))
    async with write_as(dependencies.database, customer, order.company_id) as session:
        await order_changes.request_change(
            session, actor=customer, order_id=order.id, request=ChangeRequest(lines=lines)
        )


async def get_as_substitute(dependencies: OrderDependencies, city: City) -> None:
    """Order milk, of which the picker finds one unit and proposes beer for the other."""
    database = dependencies.database
    order = await place_paid_order(dependencies, city, 2, (3,))
    await restrict_beer(database, city)
    async with database.write(PLATFORM, ORIGIN) as session:
        lines = await session.scalars(select(OrderLine).where(OrderLine.order_id == order.id))
        lines.one().substitution_preference = SubstitutionPreference.ASK_ME
    task, staff = await accept_task(dependencies, city, order)
    (line,) = await lines_of(database, task)
    await run_step(database, staff, task, picking.pick_line, pick=LinePick(1, line.id))
    proposal = SubstituteProposal(line.id, city.products[BEER].code, 1)
    await run_step(database, staff, task, substitutions.propose, proposal=proposal)


async def sell(dependencies: OrderDependencies, city: City, **more: Any) -> PosSale:
    """Scan it at the counter."""
    await restrict_beer(dependencies.database, city)
    staff = await create_picker(dependencies.database, city.near)
    scans = [ScannedItem(1, city.products[index].code) for index in (0, BEER)]
    async with write_as(dependencies.database, staff, city.company.id) as session:
        return await counter_sales.complete(
            session, actor=staff, store_id=city.near.id, scans=scans, payment=PAID, **more
        )


WAYS: Mapping[str, Callable[[OrderDependencies, City], Awaitable[object]]] = {
    "services/carts/sourcing_plans.py": order_unasked,
    "services/checkout/change_pricing.py": add_to_order,
    "services/fulfillment/substitutions.py": get_as_substitute,
    "services/counter_sales/counter_sales.py": sell,
}
"""By the module that asks; `tests/architecture/test_age_checks.py` compares them with the code."""


@pytest.mark.parametrize("way", WAYS)
async def test_it_is_not_sold_unasked(
    dependencies: OrderDependencies, city: City, way: str
) -> None:
    with pytest.raises(DomainError) as caught:
        await WAYS[way](dependencies, city)
    (problem,) = caught.value.problems
    assert isinstance(problem, AgeConfirmationRequired)
    assert (problem.product_ids, problem.minimum_age) == ([city.products[BEER].id], 18)


@pytest.mark.parametrize("shown", DOCUMENTS)
async def test_the_counter_sells_nothing_to_who_does_not_prove_the_age(
    dependencies: OrderDependencies, city: City, shown: ShownDocument | None
) -> None:
    """A customer without a document, or too young by it, takes nothing along: no sale, no units."""
    with pytest.raises(DomainError) as caught:
        await sell(dependencies, city, shown=shown)
    (problem,) = caught.value.problems
    checked = shown is not None and shown.document is not AgeCheckDocument.NONE
    assert type(problem) is (TooYoung if checked else AgeConfirmationRequired)
    assert problem.path == ["input", "ageCheck"]
    assert getattr(problem, "minimum_age", None) == 18
    async with dependencies.database.read(PLATFORM) as session:
        sales = select(func.count()).where(PosSale.store_id == city.near.id)
        assert await session.scalar(sales.select_from(PosSale)) == 0


async def test_what_has_no_restriction_is_sold_without_a_document(
    dependencies: OrderDependencies, city: City
) -> None:
    """The till sends the newest check with every sale: of this one nothing is kept."""
    staff = await create_picker(dependencies.database, city.near)
    shown = ShownDocument(AgeCheckDocument.PASSPORT, is_old_enough=True)
    for check in (None, shown):
        async with write_as(dependencies.database, staff, city.company.id) as session:
            sale = await counter_sales.complete(
                session,
                actor=staff,
                store_id=city.near.id,
                scans=[ScannedItem(1, "P001")],
                payment=PAID,
                shown=check,
            )
        assert (sale.minimum_age, sale.age_document) == (None, None)


async def test_the_sale_has_who_saw_which_kind_of_document(
    dependencies: OrderDependencies, city: City
) -> None:
    sale = await sell(
        dependencies,
        city,
        shown=ShownDocument(AgeCheckDocument.RESIDENCE_PERMIT, is_old_enough=True),
    )
    assert (sale.minimum_age, sale.age_document) == (18, AgeCheckDocument.RESIDENCE_PERMIT)
    assert sale.cashier_id is not None
    assert not {"birth_date", "document_number"} & set(PosSale.__table__.columns.keys())
