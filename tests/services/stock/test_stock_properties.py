"""Whatever happens to orders, in any order: no unit appears from nowhere, none is lost."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.stock import HoldStatus
from services.stock import reservation_store
from services.stock.reservation_store import ReservationEnd
from tests.support.paid_orders import OrderDependencies
from tests.support.stock.stock_story import DRAWN_STEPS, STEPS, Step, new_story

NUMBERS = st.integers(0, 11)
STORIES = st.lists(st.tuples(st.sampled_from(DRAWN_STEPS), NUMBERS, NUMBERS), max_size=22)
SETTINGS = settings(
    max_examples=15,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@given(steps=STORIES)
@SETTINGS
async def test_no_story_makes_or_loses_units(
    dependencies: OrderDependencies, steps: Sequence[Step]
) -> None:
    """Orders are placed, repeated, paid, changed, picked, rejected, canceled and brought back.

    After every step the counters are the ledger, and the audit of all orders finds nothing; when
    all have ended and every unit is put back, as much was returned as was sold.
    """
    await (await new_story(dependencies)).run(steps)


# fmt: off
WHOLE_ORDERS: tuple[list[Step], ...] = (
    [
        ("fill_cart", 3, 2), ("place", 0, 0), ("sign_in", 0, 0), ("fill_cart", 2, 1),
        ("place", 0, 1), ("pay", 0, 0), ("change", 0, 5), ("pay", 0, 1), ("accept", 0, 0),
        ("pick", 1, 0), ("pick", 0, 0), ("propose", 0, 0), ("answer", 0, 1), ("recall", 0, 0),
        ("pick_all", 0, 1), ("pack", 0, 0), ("bring_back", 0, 0), ("put_back", 0, 1),
    ],
    [
        ("begin", 3, 7), ("pick_found", 0, 0), ("raise_line", 0, 0), ("count", 1, 2),
        ("import_total", 0, 0), ("give_back", 0, 0), ("reject", 0, 0), ("count", 0, 0),
        ("change", 3, 5), ("accept", 0, 0), ("pick_all", 0, 0), ("pack", 0, 0), ("cancel", 0, 0),
        ("put_back", 0, 2), ("fill_cart", 2, 2), ("place", 1, 1), ("expire", 1, 0),
        ("fill_cart", 1, 1), ("place", 2, 0), ("sweep", 0, 0),
    ],
)
# fmt: on


RAISED: list[Step] = [
    ("begin", 3, 7),
    ("accept", 0, 0),
    ("pick_found", 0, 0),
    ("raise_line", 0, 0),
]
AFTER_RAISE = (
    "accept", "pick", "pick", "pick_all", "pack", "give_back", "reject", "cancel", "recall",
    "count", "count", "import_total", "put_back", "raise_line", "propose", "answer", "bring_back",
)  # fmt: skip
RAISED_STORIES = st.lists(st.tuples(st.sampled_from(AFTER_RAISE), NUMBERS, NUMBERS), max_size=14)


@given(steps=RAISED_STORIES)
@SETTINGS
async def test_no_story_of_a_raised_line_makes_or_loses_units(
    dependencies: OrderDependencies, steps: Sequence[Step]
) -> None:
    """The same after all lines were found, some with a damaged unit, and one was raised.

    Random stories alone hardly ever come so far.
    """
    await (await new_story(dependencies)).run([*RAISED, *steps])


async def test_whole_orders_take_every_step(dependencies: OrderDependencies) -> None:
    """No kind of step is always refused, which would make the random stories say nothing."""
    taken: set[str] = set()
    for steps in WHOLE_ORDERS:
        story = await new_story(dependencies)
        for step in steps:
            if await story.step(*step):
                taken.add(step[0])
        await story.end()
    assert sorted(set(STEPS) - taken) == []


async def test_stories_notice_units_that_are_released_and_stay_reserved(
    dependencies: OrderDependencies, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: with a broken release a story that cancels, expires or repeats fails."""
    real = reservation_store.end_reservations

    async def forget_counters(
        session: Any, ends: Sequence[ReservationEnd], counters: Mapping[Any, Any]
    ) -> None:
        for reservation, status, _ in ends:
            if status is HoldStatus.RELEASED:
                row = counters[reservation.store_id, reservation.product_id]
                row.reserved_delta += reservation.units
        await real(session, ends, counters)

    monkeypatch.setattr(reservation_store, "end_reservations", forget_counters)
    with pytest.raises(AssertionError, match="reserved is"):
        await (await new_story(dependencies)).run(WHOLE_ORDERS[0])
