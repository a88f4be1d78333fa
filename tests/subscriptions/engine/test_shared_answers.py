"""Listeners who must get the same share one answer; others never get a word of it."""

import asyncio
import random
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from execution import Answer, Limits
from execution.planning.plan import Plan
from execution.running.shared import Shared
from models.events import EventType
from models.identity import Grant, Role
from models.ids import encode
from models.orders import Order
from models.stores import Store
from resolvers.context import House
from schema.root import graph
from server.errors import present
from server.graphql_engine import HouseEngine
from tests.subscriptions.orders.test_orders import happen, placed
from tests.subscriptions.stock.test_inventory import count, shown
from tests.support import city
from tests.support.actors import Standing, engine, stand
from tests.support.city import City

REFERENCE = HouseEngine(graph, limits=Limits(), reference=True, on_error=present)
PATIENCE_SECONDS = 20.0
LISTENERS = 24
SEED = 20261121
ORDER = "subscription ($id: ID!, $after: String%s) { orderTracked(orderId: $id, after: $after) %s }"
ORDERS = [
    ORDER % ("", "{ kind cursor event { type } order { id code status total { minor } } }"),
    ORDER % ("", "{ cursor order { stage availableActions deliveryPin } }"),
    ORDER % ("", "{ kind order { lines { name product { name } } store { name } } }"),
    ORDER % (", $more: Boolean = true",
             "{ order @include(if: $more) { status refunds { id } payment { clientSecret } } }"),
    ORDER % (", $many: Int = 1",
             "{ order { code timeline(first: $many) { edges { node { type } } } } }"),
]  # fmt: skip
SHELF = (
    "subscription ($id: ID!, $ids: [ID!]) { inventoryChanged(storeId: $id, productIds: $ids) %s }"
)
SHELVES = [
    SHELF % "{ kind cursor changes { productId availability product { price { minor } } } }",
    SHELF % "{ cursor changes { productId product { name } } }",
    SHELF % "{ changes { availability onHand held version } }",
]
Answers = AsyncGenerator[Answer, None]


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The plan of every run since the test began."""
    made: list[Any] = []
    run = Plan.run

    async def noted(plan: Plan, *rest: Any) -> Any:
        made.append(plan)
        return await run(plan, *rest)

    monkeypatch.setattr(Plan, "run", noted)
    return made


@pytest.fixture
async def corner(house: House) -> City:
    """A city whose stock this test alone changes."""
    return await city.build(house.database)


@pytest.fixture(scope="module")
async def buyer(house: House) -> Standing:
    """A customer of these tests alone."""
    return await stand(house, "Buyer", Grant(Role.CUSTOMER))


def listen(
    who: Standing, document: str, variables: dict[str, Any], by: Any = None, **more: Any
) -> Answers:
    by = by or engine()
    prepared = by.prepare(document)
    assert not isinstance(prepared, Answer), prepared.errors
    answers: Answers = by.subscribe(prepared, variables, who.context(**more))
    return answers


async def heard(lines: list[Answers]) -> list[Answer]:
    """The next answer of each."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        return await asyncio.gather(*map(anext, lines))


async def leave(lines: list[Answers]) -> None:
    await asyncio.gather(*(line.aclose() for line in lines))


def same(answer: Answer, expected: Answer) -> None:
    assert answer.data == expected.data
    assert sorted(map(str, answer.errors or [])) == sorted(map(str, expected.errors or []))


async def test_shared_answers_are_those_that_each_would_get_alone(
    buyer: Standing,
    another_customer: Standing,
    picker: Standing,
    manager: Standing,
    support_agent: Standing,
    town: City,
) -> None:
    order, dice = await placed(buyer, town), random.Random(SEED)
    cast = [buyer, buyer, picker, manager, support_agent, another_customer]
    given = {"id": encode(Order, order.id)}
    ours, alone = [], []
    for _ in range(LISTENERS):
        who, document = dice.choice(cast), dice.choice(ORDERS)
        variables = given | dice.choice([{}, {"more": False, "many": 2}])
        more = {"language": dice.choice(["en", "zh-Hant"])}
        ours.append(listen(who, document, variables, **more))
        alone.append(listen(who, document, variables, REFERENCE, **more))
    try:
        first = await heard(ours)
        for got, expected in zip(first, await heard(alone), strict=True):
            same(got, expected)
        for n in reversed([n for n, answer in enumerate(first) if answer.data is None]):
            del ours[n], alone[n]
        assert 0 < len(ours) < LISTENERS
        for event in (EventType.PICKING_STARTED, EventType.LINE_PICKED):
            await happen(buyer.house, order, event)
            for got, expected in zip(await heard(ours), await heard(alone), strict=True):
                same(got, expected)
    finally:
        await leave(ours + alone)


async def test_strangers_share_one_run_and_one_text_of_a_public_answer(
    nobody: Standing,
    customer: Standing,
    another_customer: Standing,
    rider: Standing,
    house: House,
    corner: City,
    runs: list[Any],
) -> None:
    people = [nobody, customer, another_customer, rider] * 5
    given = {"id": encode(Store, corner.near.id), "ids": shown(corner, 0)}
    lines = [listen(who, SHELVES[0], given) for who in people]
    await heard(lines)
    runs.clear()
    await count(house, corner, 0, 3)
    told = await heard(lines)
    await leave(lines)
    assert len(runs) == 1
    assert told[0].data["inventoryChanged"]["changes"][0]["availability"] == "LOW"
    assert len({id(one.encode()) for one in told}) == 1


async def test_a_language_a_document_and_a_person_make_an_answer_another(
    customer: Standing, picker: Standing, house: House, corner: City, runs: list[Any]
) -> None:
    given = {"id": encode(Store, corner.near.id), "ids": shown(corner, 0)}
    named = [listen(customer, SHELVES[1], given, language=one) for one in ("en", "zh-Hant") * 2]
    priced = [listen(customer, SHELVES[0], given) for _ in range(2)]
    guarded = [listen(who, SHELVES[2], given) for who in (customer, picker) * 2]
    lines = named + priced + guarded
    await heard(lines)
    runs.clear()
    await count(house, corner, 0, 3)
    told = await heard(lines)
    await leave(lines)
    assert len(runs) == 2 + 1 + 2
    names = [one.data["inventoryChanged"]["changes"][0]["product"]["name"] for one in told[:4]]
    assert names[0] == names[2] != names[1] == names[3] == "商品1"


async def test_a_pin_is_for_the_customer_alone_though_all_watch_one_order(
    buyer: Standing, picker: Standing, support_agent: Standing, town: City, runs: list[Any]
) -> None:
    order = await placed(buyer, town)
    given = {"id": encode(Order, order.id)}
    lines = [listen(who, ORDERS[1], given) for who in (buyer, picker, support_agent) * 3]
    await heard(lines)
    runs.clear()
    await happen(buyer.house, order, EventType.PICKING_STARTED)
    told = await heard(lines)
    await leave(lines)
    assert len(runs) == 3
    pins = [one.data["orderTracked"]["order"]["deliveryPin"] for one in told]
    assert pins == [order.delivery_pin, None, None] * 3


async def test_a_cursor_to_start_from_does_not_part_those_who_ask_alike(
    picker: Standing, buyer: Standing, town: City, runs: list[Any]
) -> None:
    order = await placed(buyer, town)
    given = {"id": encode(Order, order.id)}
    begun = listen(buyer, ORDERS[0], given)
    [first] = await heard([begun])
    resumed = listen(buyer, ORDERS[0], given | {"after": first.data["orderTracked"]["cursor"]})
    waiting = asyncio.ensure_future(anext(resumed))
    await asyncio.sleep(0.2)
    runs.clear()
    await happen(buyer.house, order, EventType.PICKING_STARTED)
    [one], other = await heard([begun]), await waiting
    await leave([begun, resumed])
    assert one is other
    assert len(runs) == 1


async def test_who_leaves_does_not_take_the_answer_away_from_the_others() -> None:
    shared, go = Shared(8), asyncio.Event()

    async def make() -> str:
        await go.wait()
        return "made"

    first = asyncio.create_task(shared.once("key", make))
    second = asyncio.create_task(shared.once("key", make))
    await asyncio.sleep(0)
    first.cancel()
    go.set()
    assert await second == "made"
    assert first.cancelled() or isinstance(first.exception(), asyncio.CancelledError)


async def test_a_failure_is_told_to_those_who_wait_and_forgotten() -> None:
    shared, tries = Shared(8), 0

    async def make() -> int:
        nonlocal tries
        tries += 1
        await asyncio.sleep(0)
        if tries == 1:
            raise ConnectionError("away")
        return tries

    together = await asyncio.gather(
        shared.once("key", make), shared.once("key", make), return_exceptions=True
    )
    assert [type(one) for one in together] == [ConnectionError] * 2
    assert await shared.once("key", make) == 2


async def test_what_is_shared_is_bounded_in_number_and_time() -> None:
    shared, made = Shared(2, seconds=0.05), []

    async def make() -> None:
        made.append(1)

    for key in (1, 2, 3, 3, 1):
        await shared.once(key, make)
    assert len(made) == 4
    assert len(shared._kept) == 2
    await asyncio.sleep(0.06)
    await shared.once(1, make)
    assert len(made) == 5
