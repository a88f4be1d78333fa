"""Each step of an order's life, and of an account, while its connections are cut.

The story is the one of the client operations, so a later operation is cut by itself. During each
mutation every connection to PostgreSQL ends at another statement, and no notice of an event gets
through to another process. Beside it are test_cut_valkey.py, test_cut_payments.py and
test_cut_messages.py; outages of webhooks are in tests/jobs.
"""

from collections.abc import AsyncIterator
from dataclasses import fields
from typing import Any

import pytest
from sqlalchemy import text

from database.scope import PLATFORM
from resolvers.context import Container
from tests.support.actors import InMemorySms
from tests.support.city import City, build_city
from tests.support.operations import (
    daily_work,
    failed_deliveries,
    identity_work,
    payment_work,
    picking_exceptions,
    pickups,
)
from tests.support.operations.cut_player import CutPlayer
from tests.support.operations.player import OperationPlayer, create_player
from tests.support.paid_orders import unexplained_stock
from tests.support.stripe_simulator import open_sandbox

GAPS = text(
    """
    select s.stream from stream s join event e on e.stream = s.stream
    where s.stream in (select stream from event where company_id = :company)
    group by s.stream, s.seq
    having count(distinct e.company_id) = 1
        and (s.seq <> count(*) or s.seq <> max(e.seq) or min(e.seq) <> 1)
    """
)
MONEY = text(
    """
    select o.code from "order" o join payment p on p.order_id = o.id where o.company_id = :company
    group by o.id having count(*) filter (where p.captured_amount_minor > p.refunded_amount_minor)
    > 1
        or count(*) filter (where p.is_current) <> 1
    """
)
COUNTS = text(
    """
    select (select count(*) from "order" where company_id = :company),
        (select count(*) from refund r where r.company_id = :company and r.reason <> 'CANCELED'),
        (select count(*) from ticket where company_id = :company and not internal)
    """
)


async def no_valkey(_: object) -> None:
    raise ConnectionError("Valkey does not answer")


@pytest.fixture
async def play(container: Container) -> AsyncIterator[CutPlayer]:
    database = container.database
    async with open_sandbox() as desk:
        made = await create_player(container, desk, await build_city(database))
        parts = {each.name: getattr(made, each.name) for each in fields(OperationPlayer)}
        database.announcer.subscribe(no_valkey)
        yield CutPlayer(**parts)
        database.announcer.unsubscribe(no_valkey)


async def rows(play: CutPlayer, statement: Any) -> list[Any]:
    async with play.container.database.read(PLATFORM) as session:
        return list(await session.execute(statement, {"company": play.city.company.id}))


async def check_books(play: CutPlayer, city: City) -> None:
    """Nothing is lost, and nothing was done twice."""
    assert await unexplained_stock(play.container.database, city) == []
    assert await rows(play, GAPS) == []
    assert await rows(play, MONEY) == []
    [(orders, refunds, tickets)] = await rows(play, COUNTS)
    done = play.done
    assert orders == done["order_place"] + done["order_place_pickup"]
    assert refunds == done["order_refund"] + done["ticket_resolve"]
    assert tickets == done["ticket_open"]


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_each_step_of_an_order_happens_once_whatever_is_cut(play: CutPlayer) -> None:
    """The connection ends before, within or after a step, and the client repeats the request."""
    order = await daily_work.deliver_order(play)
    await daily_work.complain(play, order)
    await daily_work.cancel_and_reject(play)
    await payment_work.change_paid_orders(play)
    await picking_exceptions.substitute_short_line(play)
    await failed_deliveries.return_delivery(play)
    await pickups.collect_order(play)
    await check_books(play, play.city)
    assert play.done.keys() - play.cuts.keys() == set()
    assert len(play.done) > 30
    assert play.unanswered.total() > play.cuts.total() / 2


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_each_step_of_an_account_happens_once_whatever_is_cut(
    play: CutPlayer, sms: InMemorySms
) -> None:
    """The same for sign-in, profile, addresses and messages to support."""
    await daily_work.sign_in_and_out(play, sms)
    await identity_work.manage_account(play, sms)
    await identity_work.manage_invitations(play, "manager")
    assert play.done.keys() - play.cuts.keys() == set()
    assert len(play.done) > 15
    assert play.unanswered.total() > play.cuts.total() / 2
