"""Purchase orders: their steps, who may take them, and consistent incoming stock."""

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
from services.core.problems import (
    DomainError,
    InvalidInput,
    InvalidTransition,
    NotFound,
    VersionConflict,
)
from services.events.event_log import supply_stream
from services.purchasing import goods_receipts, purchase_order_states, purchase_orders, suppliers
from services.purchasing.purchase_order_lines import (
    MAX_PACKS_PER_LINE,
    ProductNotSupplied,
    PurchaseOrderItem,
)
from services.purchasing.purchase_orders import BelowSupplierMinimum
from services.purchasing.suppliers import SupplierArchived
from tests.support.city import City
from tests.support.customers import create_people
from tests.support.paid_orders import unexplained_stock
from tests.support.suppliers import (
    PACK_COST_MINOR,
    PACK_UNITS,
    SupplierScenario,
    create_supplier_scenario,
    expect_problems,
    receipt_item,
)

NEXT_YEAR = date.today() + timedelta(days=365)  # noqa: DTZ011 - any future date


@pytest.fixture
async def supply(database: Database, city: City) -> SupplierScenario:
    return await create_supplier_scenario(database, city)


async def test_an_order_is_received_in_parts_with_batches_and_damaged_units(
    supply: SupplierScenario,
) -> None:
    draft = await supply.create_draft(2, 1)
    assert (draft.status, draft.total_minor) == (Status.DRAFT, 3 * PACK_COST_MINOR)
    assert (await supply.stock_level()).incoming == 0
    ordered = await supply.approve(draft)
    assert ordered.approved_by_id == supply.owner.person_id
    assert ordered.expected_date is not None
    assert (await supply.stock_level()).incoming == 2 * PACK_UNITS
    first = receipt_item(supply, 0, 7, damaged=1, batch_code="L1", sell_by_date=NEXT_YEAR)
    receipt = await supply.receive(ordered, [first], note="4711")
    assert (receipt.received_by_id, receipt.note) == (supply.picker.person_id, "4711")
    row = await supply.stock_level()
    assert (row.on_hand, row.unsellable, row.incoming) == (57, 1, 4)
    now = await supply.reload(ordered)
    assert (now.status, now.closed_at) == (Status.PARTIALLY_RECEIVED, None)
    await supply.receive(now, [receipt_item(supply, 0, 4), receipt_item(supply, 1, 6)])
    now = await supply.reload(ordered)
    assert now.status is Status.RECEIVED
    assert now.closed_at is not None
    assert (await supply.stock_level()).incoming == (await supply.stock_level(1)).incoming == 0
    async with supply.database.read(PLATFORM) as session:
        query = select(StockBatch).where(StockBatch.store_id == supply.city.near.id)
        batch = (await session.scalars(query)).one()
        assert (batch.code, batch.on_hand, batch.sell_by_date) == ("L1", 7, NEXT_YEAR)
        of_order = GoodsReceipt.purchase_order_id == ordered.id
        assert await session.scalar(select(func.count()).where(of_order)) == 2
    assert await unexplained_stock(supply.database, supply.city) == []


async def test_each_step_records_an_event_and_an_audit_entry(supply: SupplierScenario) -> None:
    ordered = await supply.create_ordered(1)
    await supply.receive(ordered, [receipt_item(supply, 0, PACK_UNITS)])
    async with supply.database.read(PLATFORM) as session:
        stream = supply_stream(supply.city.near.id)
        rows = select(Event.type).where(Event.stream == stream).order_by(Event.seq)
        event_types = list(await session.scalars(rows))
        entries = await session.scalars(
            select(AuditEntry).where(AuditEntry.company_id == supply.city.company.id)
        )
        tables = {change["table"] for entry in entries for change in entry.changes}
    assert event_types == [
        "PURCHASE_ORDER_CREATED", "PURCHASE_ORDER_APPROVED", "PURCHASE_ORDER_RECEIVED",
    ]  # fmt: skip
    assert {"supplier", "supplier_product", "purchase_order", "purchase_order_line"} <= tables
    assert {"goods_receipt", "goods_receipt_line"} <= tables


async def test_cancel_and_close_remove_outstanding_units_from_incoming_stock(
    supply: SupplierScenario,
) -> None:
    canceled = await supply.create_ordered(3)
    await supply.run_as(purchase_orders.cancel, supply.owner, purchase_order_id=canceled.id)
    assert (await supply.stock_level()).incoming == 0
    short = await supply.create_ordered(3)
    await supply.receive(short, [receipt_item(supply, 0, 10)])
    assert (await supply.stock_level()).incoming == 8
    arguments = {"purchase_order_id": short.id, "note": "sold out there"}
    closed = await supply.run_as(purchase_orders.close, supply.manager, **arguments)
    assert (closed.status, closed.closing_note) == (Status.CLOSED, "sold out there")
    assert (await supply.stock_level()).incoming == 0
    assert await supply.incoming_mismatches() == {}


ALLOWED_ACTIONS: list[tuple[str, Status, set[Action]]] = [
    ("owner", Status.DRAFT, {Action.SET_LINES, Action.APPROVE, Action.CANCEL}),
    ("owner", Status.APPROVED, {Action.RECEIVE, Action.CANCEL}),
    ("owner", Status.PARTIALLY_RECEIVED, {Action.RECEIVE, Action.CLOSE}),
    ("manager", Status.DRAFT, {Action.SET_LINES, Action.CANCEL}),
    ("manager", Status.APPROVED, {Action.RECEIVE}),
    ("manager", Status.PARTIALLY_RECEIVED, {Action.RECEIVE, Action.CLOSE}),
    ("picker", Status.DRAFT, set()),
    ("picker", Status.APPROVED, {Action.RECEIVE}),
    ("picker", Status.PARTIALLY_RECEIVED, {Action.RECEIVE}),
    *((who, status, set()) for who in ("owner", "manager", "picker")
      for status in (Status.RECEIVED, Status.CLOSED, Status.CANCELED)),
]  # fmt: skip


@pytest.mark.parametrize(("who", "status", "legal"), ALLOWED_ACTIONS)
async def test_actions_are_available_exactly_where_they_are_accepted(
    supply: SupplierScenario, who: str, status: Status, legal: set[Action]
) -> None:
    """An action that is not available is refused with the legal ones."""
    actor: Actor = getattr(supply, who)
    for action in Action:
        row = await order_in_status(supply, status)
        assert set(purchase_order_states.MACHINE.available_actions(row, actor)) == legal
        step = supply.run_as(*step_call(supply, action, actor, row))
        if action in legal:
            await step
            continue
        [problem] = await expect_problems(step)
        assert isinstance(problem, InvalidTransition)
        assert (problem.current_status, set(problem.allowed_actions)) == (status, legal)


def step_call(
    supply: SupplierScenario, action: Action, actor: Actor, row: PurchaseOrder
) -> tuple[Any, Actor]:
    """A service function with all its arguments, and the actor."""
    of_order: dict[str, Any] = {"purchase_order_id": row.id, "expected_version": row.version}
    calls: dict[Action, tuple[Any, dict[str, Any]]] = {
        Action.SET_LINES: (
            purchase_orders.set_lines,
            {"lines": [PurchaseOrderItem(supply.product(1), 1)]},
        ),
        Action.APPROVE: (purchase_orders.approve, {}),
        Action.RECEIVE: (goods_receipts.receive, {"lines": [receipt_item(supply, 0, 1)]}),
        Action.CLOSE: (purchase_orders.close, {}),
        Action.CANCEL: (purchase_orders.cancel, {}),
    }
    function, arguments = calls[action]

    async def run(session: Any, *, actor: Actor) -> Any:
        return await function(session, actor=actor, **of_order, **arguments)

    return run, actor


async def order_in_status(supply: SupplierScenario, status: Status) -> PurchaseOrder:
    """An order of two packs, brought into a status by its own steps."""
    row = await supply.create_draft(2)
    if status is Status.DRAFT:
        return row
    if status is Status.CANCELED:
        await supply.run_as(purchase_orders.cancel, supply.manager, purchase_order_id=row.id)
        return await supply.reload(row)
    row = await supply.approve(row)
    units = {Status.RECEIVED: 2 * PACK_UNITS, Status.APPROVED: 0}.get(status, 3)
    if units:
        await supply.receive(row, [receipt_item(supply, 0, units)])
    if status is Status.CLOSED:
        await supply.run_as(purchase_orders.close, supply.owner, purchase_order_id=row.id)
    return await supply.reload(row)


async def test_concurrent_approvals_or_receipts_take_effect_once(supply: SupplierScenario) -> None:
    draft = await supply.create_draft(2)
    results = await asyncio.gather(
        *(supply.approve(draft) for _ in range(4)), return_exceptions=True
    )
    assert sum(isinstance(one, PurchaseOrder) for one in results) == 1
    problems = [one.problems[0] for one in results if isinstance(one, DomainError)]
    assert [type(one) for one in problems] == [InvalidTransition] * 3
    assert (await supply.stock_level()).incoming == 2 * PACK_UNITS
    ordered = await supply.reload(draft)
    for units, kind in ((5, VersionConflict), (7, InvalidTransition)):
        lines = [receipt_item(supply, 0, units)]
        results = await asyncio.gather(
            *(supply.receive(ordered, lines) for _ in range(4)), return_exceptions=True
        )
        assert sum(isinstance(one, GoodsReceipt) for one in results) == 1
        assert {type(one.problems[0]) for one in results if isinstance(one, DomainError)} == {kind}
        ordered = await supply.reload(ordered)
    assert ((await supply.stock_level()).on_hand, (await supply.stock_level()).incoming) == (62, 0)


async def test_invalid_lines_are_refused(supply: SupplierScenario) -> None:
    first, packs = supply.product(0), ["lines", "0", "packQuantity"]
    cases: list[tuple[list[PurchaseOrderItem], type, list[str]]] = [
        ([], InvalidInput, ["lines"]),
        ([PurchaseOrderItem(first, 1)] * 2, InvalidInput, ["lines"]),
        ([PurchaseOrderItem(first, 0)], InvalidInput, packs),
        ([PurchaseOrderItem(first, -1)], InvalidInput, packs),
        ([PurchaseOrderItem(first, MAX_PACKS_PER_LINE + 1)], InvalidInput, packs),
        ([PurchaseOrderItem(first, 1, -1)], InvalidInput, ["lines", "0", "packCostMinor"]),
        ([PurchaseOrderItem(first, 9_999, 10**10)], InvalidInput, ["lines"]),
        (
            [PurchaseOrderItem(first, 1), PurchaseOrderItem(supply.product(9), 1)],
            ProductNotSupplied,
            ["lines", "1", "productId"],
        ),
    ]
    store_and_supplier = {"store_id": supply.city.near.id, "supplier_id": supply.supplier.id}
    draft = await supply.create_draft(1)
    of_order = {"purchase_order_id": draft.id, "expected_version": 1}
    for lines, kind, path in cases:
        for function, arguments in (
            (purchase_orders.create, store_and_supplier),
            (purchase_orders.set_lines, of_order),
        ):
            [problem] = await expect_problems(
                supply.run_as(function, supply.manager, lines=lines, **arguments)
            )
            assert (type(problem), problem.path) == (kind, ["input", *path])
    assert (await supply.reload(draft)).version == 1


async def test_orders_below_the_minimum_or_of_archived_suppliers_are_refused(
    database: Database, city: City
) -> None:
    supply = await create_supplier_scenario(database, city, minimum_order_minor=PACK_COST_MINOR + 1)
    small, large = await supply.create_draft(1), await supply.create_draft(2)
    [problem] = await expect_problems(supply.approve(small))
    assert isinstance(problem, BelowSupplierMinimum)
    assert (problem.minimum_minor, problem.total_minor) == (PACK_COST_MINOR + 1, PACK_COST_MINOR)
    arguments = {"supplier_id": supply.supplier.id, "expected_version": 2}
    await supply.run_as(suppliers.archive, supply.manager, **arguments)
    for call in (supply.approve(large), supply.create_draft(2)):
        [problem] = await expect_problems(call)
        assert isinstance(problem, SupplierArchived)
    assert (await supply.stock_level()).incoming == 0


async def test_other_people_get_not_found(supply: SupplierScenario) -> None:
    draft, city, database = await supply.create_draft(1), supply.city, supply.database
    grants = (
        Grant(Role.COMPANY_ADMIN, city.second.id),
        Grant(Role.STORE_MANAGER, city.company.id, city.next.id),
        Grant(Role.SUPPORT_AGENT, city.company.id),
        Grant(Role.CUSTOMER),
    )
    for grant in grants:
        (stranger,) = await create_people(database, 1, grant)
        for action in Action:
            [problem] = await expect_problems(
                supply.run_as(*step_call(supply, action, stranger, draft))
            )
            assert isinstance(problem, NotFound), grant.role
        [problem] = await expect_problems(supply.create_draft(1, actor=stranger))
        assert isinstance(problem, NotFound)
    [problem] = await expect_problems(supply.create_draft(1, actor=supply.picker))
    assert isinstance(problem, NotFound)


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_incoming_stock_equals_the_open_units_of_approved_orders(
    supply: SupplierScenario, seed: int
) -> None:
    """Random concurrent steps: orders are drafted, approved, received, closed and canceled."""
    dice = random.Random(seed)
    orders = [await supply.create_draft(*(dice.randint(1, 3) for _ in range(3))) for _ in range(4)]
    for _ in range(12):
        steps = []
        for order in dice.choices(orders, k=4):
            row = await supply.reload(order)
            actor = dice.choice([supply.owner, supply.manager, supply.picker])
            action = dice.choice([*Action, Action.APPROVE, Action.RECEIVE, Action.RECEIVE])
            steps.append(supply.run_as(*step_call(supply, action, actor, row)))
        for result in await asyncio.gather(*steps, return_exceptions=True):
            assert not isinstance(result, Exception) or isinstance(result, DomainError), result
        assert await supply.incoming_mismatches() == {}
    assert await unexplained_stock(supply.database, supply.city) == []
