"""Orders to suppliers: their steps, who takes them, and that what is on its way adds up."""

import asyncio
import random
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from database.scope import PLATFORM
from database.sessions import Database
from models.events import Event
from models.identity import Actor, Grant, Role
from models.operations import AuditEntry
from models.purchasing import GoodsReceipt, PurchaseOrder
from models.purchasing import PurchaseOrderAction as Action
from models.purchasing import PurchaseOrderStatus as Status
from models.stock import StockBatch
from services.core.problems import IllegalStep, InvalidInput, NotFound, Refused, VersionConflict
from services.events.event_log import supply_stream
from services.purchasing import goods_receipts, purchase_order_states, purchase_orders, suppliers
from services.purchasing.purchase_order_lines import LINE_MOST_PACKS, NotSupplied, Wanted
from services.purchasing.purchase_orders import BelowSupplierMinimum
from services.purchasing.suppliers import SupplierArchived
from tests.support.city import City
from tests.support.customers import people
from tests.support.paid_orders import unexplained
from tests.support.suppliers import PACK_COST_MINOR, PACK_UNITS, Supply, came, refused, supplied

NEXT_YEAR = date.today() + timedelta(days=365)  # noqa: DTZ011 - any day far enough ahead


@pytest.fixture
async def supply(database: Database, city: City) -> Supply:
    return await supplied(database, city)


async def test_an_order_comes_in_parts_with_batches_and_damage(supply: Supply) -> None:
    draft = await supply.draft(2, 1)
    assert (draft.status, draft.total_minor) == (Status.DRAFT, 3 * PACK_COST_MINOR)
    assert (await supply.shelf()).incoming == 0
    ordered = await supply.approve(draft)
    assert ordered.approved_by_id == supply.owner.person_id
    assert ordered.expected_on is not None
    assert (await supply.shelf()).incoming == 2 * PACK_UNITS
    first = came(supply, 0, 7, damaged=1, batch_code="L1", expires_on=NEXT_YEAR)
    receipt = await supply.receive(ordered, [first], note="4711")
    assert (receipt.received_by_id, receipt.note) == (supply.picker.person_id, "4711")
    row = await supply.shelf()
    assert (row.on_hand, row.damaged, row.incoming) == (57, 1, 4)
    now = await supply.fresh(ordered)
    assert (now.status, now.ended_at) == (Status.PARTLY_RECEIVED, None)
    await supply.receive(now, [came(supply, 0, 4), came(supply, 1, 6)])
    now = await supply.fresh(ordered)
    assert now.status is Status.RECEIVED
    assert now.ended_at is not None
    assert (await supply.shelf()).incoming == (await supply.shelf(1)).incoming == 0
    async with supply.database.read(PLATFORM) as session:
        batch = select(StockBatch).where(StockBatch.store_id == supply.city.near.id)
        found = (await session.scalars(batch)).one()
        assert (found.code, found.on_hand, found.expires_on) == ("L1", 7, NEXT_YEAR)
        of_it = GoodsReceipt.purchase_order_id == ordered.id
        assert await session.scalar(select(func.count()).where(of_it)) == 2
    assert await unexplained(supply.database, supply.city) == []


async def test_each_step_leaves_an_event_and_an_audit_row(supply: Supply) -> None:
    ordered = await supply.ordered(1)
    await supply.receive(ordered, [came(supply, 0, PACK_UNITS)])
    async with supply.database.read(PLATFORM) as session:
        stream = supply_stream(supply.city.near.id)
        rows = select(Event.type).where(Event.stream == stream).order_by(Event.seq)
        told = list(await session.scalars(rows))
        entries = await session.scalars(
            select(AuditEntry).where(AuditEntry.company_id == supply.city.company.id)
        )
        tables = {change["table"] for entry in entries for change in entry.changes}
    assert told == [
        "PURCHASE_ORDER_CREATED", "PURCHASE_ORDER_APPROVED", "PURCHASE_ORDER_RECEIVED",
    ]  # fmt: skip
    assert {"supplier", "supplier_product", "purchase_order", "purchase_order_line"} <= tables
    assert {"goods_receipt", "goods_receipt_line"} <= tables


async def test_what_will_not_come_is_no_longer_on_its_way(supply: Supply) -> None:
    off = await supply.ordered(3)
    await supply.run(purchase_orders.cancel, supply.owner, purchase_order_id=off.id)
    assert (await supply.shelf()).incoming == 0
    short = await supply.ordered(3)
    await supply.receive(short, [came(supply, 0, 10)])
    assert (await supply.shelf()).incoming == 8
    given = {"purchase_order_id": short.id, "note": "sold out there"}
    closed = await supply.run(purchase_orders.close, supply.manager, **given)
    assert (closed.status, closed.end_note) == (Status.CLOSED, "sold out there")
    assert (await supply.shelf()).incoming == 0
    assert await supply.unexplained() == {}


CAN: list[tuple[str, Status, set[Action]]] = [
    ("owner", Status.DRAFT, {Action.SET_LINES, Action.APPROVE, Action.CANCEL}),
    ("owner", Status.APPROVED, {Action.RECEIVE, Action.CANCEL}),
    ("owner", Status.PARTLY_RECEIVED, {Action.RECEIVE, Action.CLOSE}),
    ("manager", Status.DRAFT, {Action.SET_LINES, Action.CANCEL}),
    ("manager", Status.APPROVED, {Action.RECEIVE}),
    ("manager", Status.PARTLY_RECEIVED, {Action.RECEIVE, Action.CLOSE}),
    ("picker", Status.DRAFT, set()),
    ("picker", Status.APPROVED, {Action.RECEIVE}),
    ("picker", Status.PARTLY_RECEIVED, {Action.RECEIVE}),
    *((who, status, set()) for who in ("owner", "manager", "picker")
      for status in (Status.RECEIVED, Status.CLOSED, Status.CANCELED)),
]  # fmt: skip


@pytest.mark.parametrize(("who", "status", "legal"), CAN)
async def test_the_table_says_who_may_do_what(
    supply: Supply, who: str, status: Status, legal: set[Action]
) -> None:
    """Each step is offered exactly where it is taken, and refused everywhere else."""
    actor: Actor = getattr(supply, who)
    for action in Action:
        row = await in_state(supply, status)
        assert set(purchase_order_states.available_actions(row, actor)) == legal
        taking = supply.run(*step(supply, action, actor, row))
        if action in legal:
            await taking
            continue
        [reason] = await refused(taking)
        assert isinstance(reason, IllegalStep)
        assert (reason.state, set(reason.legal)) == (status, legal)


def step(supply: Supply, action: Action, actor: Actor, row: PurchaseOrder) -> tuple[Any, Actor]:
    """A verb with all that it needs, for the actor."""
    of_it: dict[str, Any] = {"purchase_order_id": row.id, "expected_version": row.version}
    lines: dict[Action, tuple[Any, dict[str, Any]]] = {
        Action.SET_LINES: (purchase_orders.set_lines, {"lines": [Wanted(supply.product(1), 1)]}),
        Action.APPROVE: (purchase_orders.approve, {}),
        Action.RECEIVE: (goods_receipts.receive, {"lines": [came(supply, 0, 1)]}),
        Action.CLOSE: (purchase_orders.close, {}),
        Action.CANCEL: (purchase_orders.cancel, {}),
    }
    verb, more = lines[action]

    async def taken(session: Any, *, actor: Actor) -> Any:
        return await verb(session, actor=actor, **of_it, **more)

    return taken, actor


async def in_state(supply: Supply, status: Status) -> PurchaseOrder:
    """An order of two packs that has come to be in a state by its own steps."""
    row = await supply.draft(2)
    if status is Status.DRAFT:
        return row
    if status is Status.CANCELED:
        await supply.run(purchase_orders.cancel, supply.manager, purchase_order_id=row.id)
        return await supply.fresh(row)
    row = await supply.approve(row)
    units = {Status.RECEIVED: 2 * PACK_UNITS, Status.APPROVED: 0}.get(status, 3)
    if units:
        await supply.receive(row, [came(supply, 0, units)])
    if status is Status.CLOSED:
        await supply.run(purchase_orders.close, supply.owner, purchase_order_id=row.id)
    return await supply.fresh(row)


async def test_two_who_approve_or_receive_at_once_do_it_once(supply: Supply) -> None:
    draft = await supply.draft(2)
    answers = await asyncio.gather(
        *(supply.approve(draft) for _ in range(4)), return_exceptions=True
    )
    assert sum(isinstance(one, PurchaseOrder) for one in answers) == 1
    reasons = [one.reasons[0] for one in answers if isinstance(one, Refused)]
    assert [type(one) for one in reasons] == [IllegalStep] * 3
    assert (await supply.shelf()).incoming == 2 * PACK_UNITS
    ordered = await supply.fresh(draft)
    for units, kind in ((5, VersionConflict), (7, IllegalStep)):
        lines = [came(supply, 0, units)]
        answers = await asyncio.gather(
            *(supply.receive(ordered, lines) for _ in range(4)), return_exceptions=True
        )
        assert sum(isinstance(one, GoodsReceipt) for one in answers) == 1
        assert {type(one.reasons[0]) for one in answers if isinstance(one, Refused)} == {kind}
        ordered = await supply.fresh(ordered)
    assert ((await supply.shelf()).on_hand, (await supply.shelf()).incoming) == (62, 0)


async def test_lines_that_can_not_be_right_are_refused(supply: Supply) -> None:
    first = supply.product(0)
    cases: list[tuple[list[Wanted], type, list[str]]] = [
        ([], InvalidInput, ["lines"]),
        ([Wanted(first, 1)] * 2, InvalidInput, ["lines"]),
        ([Wanted(first, 0)], InvalidInput, ["lines", "0", "packs"]),
        ([Wanted(first, -1)], InvalidInput, ["lines", "0", "packs"]),
        ([Wanted(first, LINE_MOST_PACKS + 1)], InvalidInput, ["lines", "0", "packs"]),
        ([Wanted(first, 1, -1)], InvalidInput, ["lines", "0", "packCostMinor"]),
        ([Wanted(first, 9_999, 10**10)], InvalidInput, ["lines"]),
        (
            [Wanted(first, 1), Wanted(supply.product(9), 1)],
            NotSupplied,
            ["lines", "1", "productId"],
        ),
    ]
    here = {"store_id": supply.city.near.id, "supplier_id": supply.supplier.id}
    draft = await supply.draft(1)
    of_it = {"purchase_order_id": draft.id, "expected_version": 1}
    for lines, kind, path in cases:
        for verb, given in ((purchase_orders.create, here), (purchase_orders.set_lines, of_it)):
            [reason] = await refused(supply.run(verb, supply.manager, lines=lines, **given))
            assert (type(reason), reason.path) == (kind, ["input", *path])
    assert (await supply.fresh(draft)).version == 1


async def test_too_little_and_archived_suppliers_are_not_ordered_from(
    database: Database, city: City
) -> None:
    supply = await supplied(database, city, minimum_order_minor=PACK_COST_MINOR + 1)
    small, large = await supply.draft(1), await supply.draft(2)
    [reason] = await refused(supply.approve(small))
    assert isinstance(reason, BelowSupplierMinimum)
    assert (reason.minimum_minor, reason.total_minor) == (PACK_COST_MINOR + 1, PACK_COST_MINOR)
    given = {"supplier_id": supply.supplier.id, "archived": True, "expected_version": 2}
    await supply.run(suppliers.archive, supply.manager, **given)
    for doing in (supply.approve(large), supply.draft(2)):
        [reason] = await refused(doing)
        assert isinstance(reason, SupplierArchived)
    assert (await supply.shelf()).incoming == 0


async def test_strangers_learn_of_no_order(supply: Supply) -> None:
    draft, city, database = await supply.draft(1), supply.city, supply.database
    grants = (
        Grant(Role.COMPANY_ADMIN, city.second.id),
        Grant(Role.STORE_MANAGER, city.company.id, city.next.id),
        Grant(Role.SUPPORT_AGENT, city.company.id),
        Grant(Role.CUSTOMER),
    )
    for grant in grants:
        (stranger,) = await people(database, 1, grant)
        for action in Action:
            [reason] = await refused(supply.run(*step(supply, action, stranger, draft)))
            assert isinstance(reason, NotFound), grant.role
        [reason] = await refused(supply.draft(1, actor=stranger))
        assert isinstance(reason, NotFound)
    [reason] = await refused(supply.draft(1, actor=supply.picker))
    assert isinstance(reason, NotFound)


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_what_is_on_its_way_is_always_what_orders_have_open(
    supply: Supply, seed: int
) -> None:
    """A random day: orders drafted, approved, taken in, closed and canceled, many at once."""
    dice = random.Random(seed)
    orders = [await supply.draft(*(dice.randint(1, 3) for _ in range(3))) for _ in range(4)]
    for _ in range(12):
        doing = []
        for order in dice.choices(orders, k=4):
            row = await supply.fresh(order)
            actor = dice.choice([supply.owner, supply.manager, supply.picker])
            action = dice.choice([*Action, Action.APPROVE, Action.RECEIVE, Action.RECEIVE])
            doing.append(supply.run(*step(supply, action, actor, row)))
        for answer in await asyncio.gather(*doing, return_exceptions=True):
            assert not isinstance(answer, Exception) or isinstance(answer, Refused), answer
        assert await supply.unexplained() == {}
    assert await unexplained(supply.database, supply.city) == []
