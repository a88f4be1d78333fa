"""Substitutes: decided by the customer or by timeout, never dearer than the missing units."""

from datetime import timedelta

import pytest
from sqlalchemy import func, update

from database.scope import PLATFORM
from jobs import fulfillment as jobs
from models.carts import SubstitutionPreference
from models.fulfillment import (
    Substitution,
    SubstitutionStatus,
)
from models.orders import Order
from services.carts.basket_problems import InsufficientStock
from services.core.problems import DomainError, InvalidInput, InvalidTransition, NotFound
from services.events.event_log import order_stream
from services.fulfillment import fulfillments, picking, substitutions
from services.fulfillment.picking import LinePick
from services.fulfillment.substitutions import SubstituteProposal, SubstitutionNotAllowed
from services.operations import documents
from services.stock.receiving import StockReceiptLine
from tests.services.stock.test_picked_batches import picked_of_order
from tests.support.city import City
from tests.support.customers import ORIGIN, create_people
from tests.support.order_steps.substitute_steps import (
    answer,
    newest_substitute,
    order_with_short_line,
    propose,
)
from tests.support.paid_orders import (
    OrderDependencies,
    payment_of,
    reload_order,
    unexplained_stock,
    write_as,
)
from tests.support.stock.batches import batches_of, day, receive
from tests.support.store_staff import (
    event_types,
    on_hand,
    put_back_everything,
    refusal_of_step,
    run_step,
)


@pytest.mark.parametrize(("code", "price"), [("P002", 299), ("P009", 499)])
async def test_an_accepted_substitute_is_charged_but_never_more_than_the_missing_units(
    code: str, price: int, dependencies: OrderDependencies, city: City
) -> None:
    database = dependencies.database
    order, fulfillment, staff, line = await order_with_short_line(
        dependencies, city, SubstitutionPreference.ASK_ME
    )
    substitute = await propose(dependencies, fulfillment, staff, line, code)
    problem = await refusal_of_step(database, staff, fulfillment, picking.pack, bags=1)
    assert isinstance(problem, InvalidTransition)
    accepted = await answer(dependencies, order, substitute, accept=True)
    assert (accepted.status, accepted.total_minor) == (SubstitutionStatus.ACCEPTED, price)
    with pytest.raises(DomainError) as caught:
        await answer(dependencies, order, substitute, accept=False)
    assert isinstance(caught.value.problems[0], InvalidTransition)
    await run_step(database, staff, fulfillment, picking.pack, bags=1)
    async with database.read(PLATFORM) as session:
        payment = await payment_of(session, order)
    fees = order.delivery_fee_minor + order.small_order_fee_minor + order.tip_minor
    assert payment.capture_wanted_minor == 499 + price + fees
    assert payment.capture_wanted_minor <= order.total_minor
    assert await unexplained_stock(database, city) == []
    async with database.read(PLATFORM) as session:
        slip = await documents.read_packing_slip(
            session, actor=staff, fulfillment_id=fulfillment.id
        )
    assert [(slip_line.code, slip_line.quantity, slip_line.packed) for slip_line in slip.lines] == [
        (city.products[3].code, 2, "1"), (code, 0, "1"),
    ]  # fmt: skip
    events = await event_types(database, order_stream(order.id))
    assert events.index("SUBSTITUTION_PROPOSED") < events.index("SUBSTITUTION_ACCEPTED")


async def test_a_declined_substitute_is_restocked_and_not_charged(
    dependencies: OrderDependencies, city: City
) -> None:
    order, fulfillment, staff, line = await order_with_short_line(
        dependencies, city, SubstitutionPreference.ASK_ME
    )
    substitute = await propose(dependencies, fulfillment, staff, line, "P002")
    assert await on_hand(dependencies.database, city.near, city, 1) == 49
    await answer(dependencies, order, substitute, accept=False)
    assert await on_hand(dependencies.database, city.near, city, 1) == 50
    await run_step(dependencies.database, staff, fulfillment, picking.pack, bags=1)
    async with dependencies.database.read(PLATFORM) as session:
        payment = await payment_of(session, order)
    fees = order.delivery_fee_minor + order.small_order_fee_minor + order.tip_minor
    assert payment.capture_wanted_minor == 499 + fees
    assert await unexplained_stock(dependencies.database, city) == []


@pytest.mark.parametrize(
    ("preference", "final_status"),
    [
        (SubstitutionPreference.REPLACE_SIMILAR, SubstitutionStatus.ACCEPTED),
        (SubstitutionPreference.ASK_ME, SubstitutionStatus.DECLINED),
    ],
)
async def test_without_an_answer_the_preference_of_the_line_decides(
    preference: SubstitutionPreference,
    final_status: SubstitutionStatus,
    dependencies: OrderDependencies,
    city: City,
) -> None:
    _, fulfillment, staff, line = await order_with_short_line(dependencies, city, preference)
    substitute = await propose(dependencies, fulfillment, staff, line, "P002")
    await jobs.time_out_substitutions(dependencies.database)
    assert (
        await newest_substitute(dependencies.database, fulfillment)
    ).status is SubstitutionStatus.PROPOSED
    async with dependencies.database.write(PLATFORM, ORIGIN) as session:
        past = func.now() - timedelta(seconds=1)
        of_substitute = Substitution.id == substitute.id
        await session.execute(update(Substitution).where(of_substitute).values(answer_due_at=past))
    assert await jobs.time_out_substitutions(dependencies.database) >= 1
    assert (await newest_substitute(dependencies.database, fulfillment)).status is final_status
    assert await unexplained_stock(dependencies.database, city) == []


async def test_the_substitutes_of_a_canceled_order_are_put_back(
    dependencies: OrderDependencies, city: City
) -> None:
    order, fulfillment, staff, line = await order_with_short_line(
        dependencies, city, SubstitutionPreference.ASK_ME
    )
    await propose(dependencies, fulfillment, staff, line, "P002")
    async with write_as(dependencies.database, staff, order.company_id) as session:
        await fulfillments.cancel_for_order(session, await session.get_one(Order, order.id))
    assert await on_hand(dependencies.database, city.near, city, 1) == 49
    await put_back_everything(dependencies.database, staff, fulfillment)
    assert await on_hand(dependencies.database, city.near, city, 1) == 50
    assert (
        await newest_substitute(dependencies.database, fulfillment)
    ).status is SubstitutionStatus.RETURNED
    assert await unexplained_stock(dependencies.database, city) == []


async def test_an_invalid_proposal_is_refused(dependencies: OrderDependencies, city: City) -> None:
    database = dependencies.database
    _, fulfillment, staff, line = await order_with_short_line(
        dependencies, city, SubstitutionPreference.ASK_ME
    )
    cases: list[tuple[SubstituteProposal, type]] = [
        (SubstituteProposal(line.id, "P002", 2), InvalidInput),
        (SubstituteProposal(line.id, "P002", 0), InvalidInput),
        (SubstituteProposal(line.id, "P004", 1), InvalidInput),
        (SubstituteProposal(line.id, "nope", 1), NotFound),
        (SubstituteProposal(fulfillment.id, "P002", 1), NotFound),
    ]
    for proposal, type_ in cases:
        problem = await refusal_of_step(
            database, staff, fulfillment, substitutions.propose, proposal=proposal
        )
        assert isinstance(problem, type_), proposal
    await run_step(database, staff, fulfillment, picking.pick_line, pick=LinePick(2, line.id))
    proposal = SubstituteProposal(line.id, "P002", 1)
    problem = await refusal_of_step(
        database, staff, fulfillment, substitutions.propose, proposal=proposal
    )
    assert isinstance(problem, InvalidTransition)
    _, fulfillment, staff, line = await order_with_short_line(
        dependencies, city, SubstitutionPreference.REFUND
    )
    proposal = SubstituteProposal(line.id, "P002", 1)
    problem = await refusal_of_step(
        database, staff, fulfillment, substitutions.propose, proposal=proposal
    )
    assert isinstance(problem, SubstitutionNotAllowed)
    assert not isinstance(problem, InsufficientStock)


async def test_only_the_customer_can_answer(dependencies: OrderDependencies, city: City) -> None:
    order, fulfillment, staff, line = await order_with_short_line(
        dependencies, city, SubstitutionPreference.ASK_ME
    )
    substitute = await propose(dependencies, fulfillment, staff, line, "P002")
    for other in [staff, *(await create_people(dependencies.database))]:
        async with dependencies.database.write(PLATFORM, ORIGIN) as session:
            with pytest.raises(DomainError) as caught:
                await substitutions.answer(
                    session, actor=other, substitute_id=substitute.id, accept=True
                )
        assert isinstance(caught.value.problems[0], NotFound)
    assert (await reload_order(dependencies.database, order)).id == order.id


@pytest.mark.parametrize("accept", [True, False])
async def test_the_batches_of_a_substitute_are_recorded(
    accept: bool, dependencies: OrderDependencies, city: City
) -> None:
    database, substitute_product = dependencies.database, city.products[1].id
    await receive(database, city.near, StockReceiptLine(substitute_product, 3, "late", day(8)))
    order, fulfillment, staff, line = await order_with_short_line(
        dependencies, city, SubstitutionPreference.ASK_ME
    )
    substitute = await propose(dependencies, fulfillment, staff, line, "P002")
    assert await picked_of_order(database, order) == {"late": 1}
    await answer(dependencies, order, substitute, accept)
    assert await picked_of_order(database, order) == ({"late": 1} if accept else {})
    assert (await batches_of(database, city.near, substitute_product))["late"][0] == 3 - accept
    if accept:
        async with write_as(database, staff, order.company_id) as session:
            await fulfillments.cancel_for_order(session, await session.get_one(Order, order.id))
        assert await picked_of_order(database, order) == {"late": 1}
        await put_back_everything(database, staff, fulfillment)
        assert await picked_of_order(database, order) == {}
        assert (await batches_of(database, city.near, substitute_product))["late"][0] == 3
    assert await unexplained_stock(database, city) == []
