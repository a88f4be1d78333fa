"""Subscribers with equal documents and access share one answer; others never receive it."""

import asyncio
import random
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from execution import Answer, Limits
from execution.planning.plan import ExecutionPlan
from execution.runtime.single_flight import SingleFlightCache
from models.events import OrderEventKind
from models.identity import Grant, Role
from models.ids import encode_id
from models.orders import Order
from models.stores import Store
from resolvers.context import Container
from schema.root import graph
from server.errors import format_error
from server.graphql_engine import GraphQLEngine
from tests.support import city
from tests.support.actors import ActorClient, create_client, engine
from tests.support.city import City
from tests.support.streams.inventory import product_ids, set_on_hand
from tests.support.streams.orders import place_test_order, record_order_events

REFERENCE = GraphQLEngine(graph, limits=Limits(), reference=True, on_error=format_error)
TIMEOUT_SECONDS = 20.0
SUBSCRIBERS = 24
SEED = 20261121
ORDER = "subscription ($id: ID!, $after: String%s) { orderTracked(orderId: $id, after: $after) %s }"
ORDERS = [
    ORDER % ("", "{ kind cursor event { type } order { id code status total { minorUnits } } }"),
    ORDER % ("", "{ cursor order { stage availableActions deliveryPin } }"),
    ORDER % ("", "{ kind order { lines { name product { name } } store { name } } }"),
    ORDER % (", $more: Boolean = true",
             "{ order @include(if: $more) { status refunds { id } payment { clientSecret } } }"),
    ORDER % (", $many: Int = 1",
             "{ order { code timeline(first: $many) { edges { node { type } } } } }"),
]  # fmt: skip
INVENTORY = (
    "subscription ($id: ID!, $ids: [ID!]) { stockChanged(storeId: $id, productIds: $ids) %s }"
)
INVENTORIES = [
    INVENTORY
    % "{ kind cursor changes { productId availability product { price { minorUnits } } } }",
    INVENTORY % "{ cursor changes { productId product { name } } }",
    INVENTORY % "{ changes { availability onHand reserved version } }",
]
Answers = AsyncGenerator[Answer, None]


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The plan of every run since the start of the test."""
    plans: list[Any] = []
    run = ExecutionPlan.run

    async def record_run(plan: ExecutionPlan, *rest: Any) -> Any:
        plans.append(plan)
        return await run(plan, *rest)

    monkeypatch.setattr(ExecutionPlan, "run", record_run)
    return plans


@pytest.fixture
async def own_city(container: Container) -> City:
    """A city whose stock only this test changes."""
    return await city.build_city(container.database)


@pytest.fixture(scope="module")
async def buyer(container: Container) -> ActorClient:
    """A customer that only these tests use."""
    return await create_client(container, "Buyer", Grant(Role.CUSTOMER))


def subscribe(
    who: ActorClient,
    document: str,
    variables: dict[str, Any],
    engine_to_use: Any = None,
    **more: Any,
) -> Answers:
    chosen_engine = engine_to_use or engine()
    prepared = chosen_engine.prepare(document)
    assert not isinstance(prepared, Answer), prepared.errors
    answers: Answers = chosen_engine.subscribe(prepared, variables, who.context(**more))
    return answers


async def next_answers(subscriptions: list[Answers]) -> list[Answer]:
    """Return the next answer of each subscription."""
    async with asyncio.timeout(TIMEOUT_SECONDS):
        return await asyncio.gather(*map(anext, subscriptions))


async def close(subscriptions: list[Answers]) -> None:
    await asyncio.gather(*(one.aclose() for one in subscriptions))


def assert_equal(answer: Answer, expected: Answer) -> None:
    assert answer.data == expected.data
    assert sorted(map(str, answer.errors or [])) == sorted(map(str, expected.errors or []))


async def test_shared_answers_equal_those_of_the_reference_engine(
    buyer: ActorClient,
    another_customer: ActorClient,
    picker: ActorClient,
    manager: ActorClient,
    support_agent: ActorClient,
    shared_city: City,
) -> None:
    order, rng = await place_test_order(buyer, shared_city), random.Random(SEED)
    actors = [buyer, buyer, picker, manager, support_agent, another_customer]
    arguments = {"id": encode_id(Order, order.id)}
    shared, reference = [], []
    for _ in range(SUBSCRIBERS):
        who, document = rng.choice(actors), rng.choice(ORDERS)
        variables = arguments | rng.choice([{}, {"more": False, "many": 2}])
        more = {"language": rng.choice(["en", "zh-Hant"])}
        shared.append(subscribe(who, document, variables, **more))
        reference.append(subscribe(who, document, variables, REFERENCE, **more))
    try:
        first = await next_answers(shared)
        for got, expected in zip(first, await next_answers(reference), strict=True):
            assert_equal(got, expected)
        for n in reversed([n for n, answer in enumerate(first) if answer.data is None]):
            del shared[n], reference[n]
        assert 0 < len(shared) < SUBSCRIBERS
        for event in (OrderEventKind.PICKING_STARTED, OrderEventKind.LINE_PICKED):
            await record_order_events(buyer.container, order, event)
            for got, expected in zip(
                await next_answers(shared), await next_answers(reference), strict=True
            ):
                assert_equal(got, expected)
    finally:
        await close(shared + reference)


async def test_public_answers_are_computed_and_encoded_once(
    nobody: ActorClient,
    customer: ActorClient,
    another_customer: ActorClient,
    rider: ActorClient,
    container: Container,
    own_city: City,
    runs: list[Any],
) -> None:
    actors = [nobody, customer, another_customer, rider] * 5
    arguments = {"id": encode_id(Store, own_city.near.id), "ids": product_ids(own_city, 0)}
    subscriptions = [subscribe(who, INVENTORIES[0], arguments) for who in actors]
    await next_answers(subscriptions)
    runs.clear()
    await set_on_hand(container, own_city, 0, 3)
    answers = await next_answers(subscriptions)
    await close(subscriptions)
    assert len(runs) == 1
    assert answers[0].data["stockChanged"]["changes"][0]["availability"] == "LOW_STOCK"
    assert len({id(one.encode()) for one in answers}) == 1


async def test_answers_differ_by_language_document_and_access(
    customer: ActorClient,
    picker: ActorClient,
    container: Container,
    own_city: City,
    runs: list[Any],
) -> None:
    arguments = {"id": encode_id(Store, own_city.near.id), "ids": product_ids(own_city, 0)}
    named = [
        subscribe(customer, INVENTORIES[1], arguments, language=one)
        for one in ("en", "zh-Hant") * 2
    ]
    priced = [subscribe(customer, INVENTORIES[0], arguments) for _ in range(2)]
    guarded = [subscribe(who, INVENTORIES[2], arguments) for who in (customer, picker) * 2]
    subscriptions = named + priced + guarded
    await next_answers(subscriptions)
    runs.clear()
    await set_on_hand(container, own_city, 0, 3)
    answers = await next_answers(subscriptions)
    await close(subscriptions)
    assert len(runs) == 2 + 1 + 2
    names = [one.data["stockChanged"]["changes"][0]["product"]["name"] for one in answers[:4]]
    assert names[0] == names[2] != names[1] == names[3] == "商品1"


async def test_only_the_customer_sees_the_delivery_pin_of_a_shared_order(
    buyer: ActorClient,
    picker: ActorClient,
    support_agent: ActorClient,
    shared_city: City,
    runs: list[Any],
) -> None:
    order = await place_test_order(buyer, shared_city)
    arguments = {"id": encode_id(Order, order.id)}
    subscriptions = [
        subscribe(who, ORDERS[1], arguments) for who in (buyer, picker, support_agent) * 3
    ]
    await next_answers(subscriptions)
    runs.clear()
    await record_order_events(buyer.container, order, OrderEventKind.PICKING_STARTED)
    answers = await next_answers(subscriptions)
    await close(subscriptions)
    assert len(runs) == 3
    pins = [one.data["orderTracked"]["order"]["deliveryPin"] for one in answers]
    assert pins == [order.delivery_pin, None, None] * 3


async def test_subscriptions_with_and_without_a_cursor_share_answers(
    picker: ActorClient, buyer: ActorClient, shared_city: City, runs: list[Any]
) -> None:
    # A customer has at most two unpaid orders, and the other tests have placed some.
    buyer = await create_client(buyer.container, "Another buyer", Grant(Role.CUSTOMER))
    order = await place_test_order(buyer, shared_city)
    arguments = {"id": encode_id(Order, order.id)}
    first_subscription = subscribe(buyer, ORDERS[0], arguments)
    [first] = await next_answers([first_subscription])
    resumed = subscribe(
        buyer, ORDERS[0], arguments | {"after": first.data["orderTracked"]["cursor"]}
    )
    waiting = asyncio.ensure_future(anext(resumed))
    await asyncio.sleep(0.2)
    runs.clear()
    await record_order_events(buyer.container, order, OrderEventKind.PICKING_STARTED)
    [one], other = await next_answers([first_subscription]), await waiting
    await close([first_subscription, resumed])
    assert one is other
    assert len(runs) == 1


async def test_a_canceled_caller_does_not_cancel_the_shared_computation() -> None:
    cache, go = SingleFlightCache(8), asyncio.Event()

    async def make() -> str:
        await go.wait()
        return "made"

    first = asyncio.create_task(cache.get_or_compute("key", make))
    second = asyncio.create_task(cache.get_or_compute("key", make))
    await asyncio.sleep(0)
    first.cancel()
    go.set()
    assert await second == "made"
    assert first.cancelled() or isinstance(first.exception(), asyncio.CancelledError)


async def test_a_failure_reaches_all_waiting_callers_and_is_not_cached() -> None:
    cache, attempts = SingleFlightCache(8), 0

    async def make() -> int:
        nonlocal attempts
        attempts += 1
        await asyncio.sleep(0)
        if attempts == 1:
            raise ConnectionError("unreachable")
        return attempts

    results = await asyncio.gather(
        cache.get_or_compute("key", make),
        cache.get_or_compute("key", make),
        return_exceptions=True,
    )
    assert [type(one) for one in results] == [ConnectionError] * 2
    assert await cache.get_or_compute("key", make) == 2


async def test_the_cache_is_bounded_in_size_and_time() -> None:
    cache, calls = SingleFlightCache(2, seconds=0.05), []

    async def make() -> None:
        calls.append(1)

    for key in (1, 2, 3, 3, 1):
        await cache.get_or_compute(key, make)
    assert len(calls) == 4
    assert len(cache._entries) == 2
    await asyncio.sleep(0.06)
    await cache.get_or_compute(1, make)
    assert len(calls) == 5
