"""Substitutes whose line waits for no answer any more: they end, and their units return."""

from typing import Any

import pytest
from sqlalchemy import update

from database.scope import PLATFORM
from database.sessions import Database
from models.carts import SubstitutionPreference
from models.fulfillment import (
    FulfillmentLine,
    FulfillmentLineStatus,
    FulfillmentStatus,
    SubstitutionStatus,
)
from services.core.problems import DomainError, InvalidTransition
from services.fulfillment import picking, substitutions
from services.fulfillment.picking import LinePick
from tests.support.city import City
from tests.support.customers import ORIGIN
from tests.support.order_steps.substitute_steps import (
    answer,
    newest_substitute,
    order_with_short_line,
    propose,
)
from tests.support.paid_orders import OrderDependencies, unexplained_stock
from tests.support.store_staff import on_hand, run_step


async def open_line_again(database: Database, line: Any) -> None:
    async with database.write(PLATFORM, ORIGIN) as session:
        of_line = update(FulfillmentLine).where(FulfillmentLine.id == line.id)
        await session.execute(of_line.values(status=FulfillmentLineStatus.PENDING))


async def test_an_answer_for_a_line_that_waits_for_none_is_refused(
    dependencies: OrderDependencies, city: City
) -> None:
    """It was an internal error, since no step of the line begins at its state."""
    order, fulfillment, staff, line = await order_with_short_line(
        dependencies, city, SubstitutionPreference.ASK_ME
    )
    substitute = await propose(dependencies, fulfillment, staff, line, "P002")
    await open_line_again(dependencies.database, line)
    for accept in (True, False):
        with pytest.raises(DomainError) as caught:
            await answer(dependencies, order, substitute, accept)
        assert isinstance(caught.value.problems[0], InvalidTransition)


async def test_a_proposal_whose_line_waits_for_no_answer_ends_by_itself(
    dependencies: OrderDependencies, city: City
) -> None:
    """The job failed for it ten times and gave up: the units stayed sold, the task unpackable."""
    database = dependencies.database
    _, fulfillment, staff, line = await order_with_short_line(
        dependencies, city, SubstitutionPreference.REPLACE_SIMILAR
    )
    substitute = await propose(dependencies, fulfillment, staff, line, "P002")
    await open_line_again(database, line)
    async with database.write(PLATFORM, ORIGIN) as session:
        assert await substitutions.time_out(session, substitute.id)
    declined = await newest_substitute(database, fulfillment)
    assert (declined.status, declined.answer_due_at) == (SubstitutionStatus.DECLINED, None)
    assert await on_hand(database, city.near, city, 1) == 50
    await run_step(database, staff, fulfillment, picking.pick_line, pick=LinePick(2, line.id))
    packed = await run_step(database, staff, fulfillment, picking.pack, bags=1)
    assert packed.status is FulfillmentStatus.PACKED
    assert await unexplained_stock(database, city) == []
