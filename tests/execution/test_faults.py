"""Failing batches of the real graph: same errors as graphql-core, no data of other requests."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from dataloaders import catalog as load_catalog
from dataloaders import orders as load
from dataloaders import payments as load_payments
from dataloaders import stores as load_stores
from dataloaders.batches import BATCH_OPTIONS
from execution import Answer, Engine, Limits, PreparedOperation
from models.identity import Grant, Role
from models.ids import encode_id
from models.orders import Order
from resolvers.context import Container
from schema.root import graph
from server.errors import format_error
from tests.support.actors import ActorClient, create_client
from tests.support.city import City
from tests.support.execution.differential import ExecutorPair, assert_same
from tests.support.streams.orders import place_test_order

BATCHES = {
    "lines": load.lines_by_order,
    "payment": load_payments.payment_by_order,
    "refunds": load_payments.refunds_by_order,
    "store": load_stores.store_by_id,
    "product": load_catalog.product_by_store_and_id,
}
DOCUMENT = """query ($id: ID!) {
  order(id: $id) {
    id payment { status amount { minorUnits } } refunds { amount { minorUnits } } store { name }
    lines { name product { name price { minorUnits } } } other: lines { quantity }
  }
  again: order(id: $id) { lines { total { minorUnits } } store { code } code }
}"""
Fault = Callable[[Sequence[Any]], Any]


def broken(_keys: Sequence[Any]) -> Any:
    raise RuntimeError("the batch broke")


def away(_keys: Sequence[Any]) -> Any:
    raise ConnectionError("the database is away")


def short(keys: Sequence[Any]) -> Any:
    return [None] * (len(keys) - 1)


def empty(keys: Sequence[Any]) -> Any:
    return [None] * len(keys)


def wrong(keys: Sequence[Any]) -> Any:
    return [7] * len(keys)


def wrong_inside(keys: Sequence[Any]) -> Any:
    return [[object()]] * len(keys)


def failures(keys: Sequence[Any]) -> Any:
    return [ValueError(f"no {key}") for key in keys]


FAULTS: list[Fault] = [broken, away, short, empty, wrong, wrong_inside, failures]


class FaultyLoaders:
    """Loaders in which one batch is replaced by a faulty function."""

    def __init__(self, loaders: Any, batch: Any, fault: Fault) -> None:
        self._loaders = loaders
        self._batch = batch

        async def answer(_session: Any, keys: Sequence[Any], *_fields: Any) -> Any:
            return fault(keys)

        answer.__name__ = batch.__name__
        if batch in BATCH_OPTIONS:
            BATCH_OPTIONS[answer] = BATCH_OPTIONS[batch]
        self._answer = answer

    async def load(self, batch: Any, key: Any) -> Any:
        return await self._loaders.load(self._chosen(batch), key)

    def prefetch(self, batch: Any, key: Any, *fields: Any) -> None:
        self._loaders.prefetch(self._chosen(batch), key, *fields)

    def read_ahead(self, batch: Any, ahead: Any, key: Any) -> None:
        self._loaders.read_ahead(self._chosen(batch), ahead, key)

    def loaded(self, batch: Any, keys: Sequence[Any], *fields: Any) -> Any:
        return self._loaders.loaded(self._chosen(batch), keys, *fields)

    async def load_many(self, batch: Any, keys: Sequence[Any], *fields: Any) -> Any:
        return await self._loaders.load_many(self._chosen(batch), keys, *fields)

    def _chosen(self, batch: Any) -> Any:
        return self._answer if batch is self._batch else batch


@pytest.fixture(scope="module")
async def buyers(container: Container) -> list[ActorClient]:
    """Two customers that only these tests use."""
    return [await create_client(container, "Buyer", Grant(Role.CUSTOMER)) for _ in range(2)]


@pytest.fixture(scope="module")
async def order(buyers: list[ActorClient], shared_city: City) -> str:
    return encode_id(Order, (await place_test_order(buyers[0], shared_city)).id)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
@pytest.mark.parametrize("name", sorted(BATCHES))
async def test_a_faulty_batch_gives_the_errors_of_graphql_core(
    buyers: list[ActorClient], order: str, name: str, fault: Fault
) -> None:
    def context() -> Any:
        original = buyers[0].context()
        faulty: Any = FaultyLoaders(original.loaders, BATCHES[name], fault)
        return replace(original, loaders=faulty)

    answers = await ExecutorPair(graph).execute(DOCUMENT, {"id": order}, context)
    assert_same(*answers)
    engine = Engine(graph, on_error=format_error)
    prepared = engine.prepare(DOCUMENT)
    assert isinstance(prepared, PreparedOperation)
    answer = await engine.execute(prepared, {"id": order}, context())
    assert answer.executed
    codes = {error["extensions"]["code"] for error in answer.errors or []}
    assert codes <= {"INTERNAL", "UNAVAILABLE", "INVALID_INPUT"}
    assert "broke" not in answer.encode().decode()


async def test_interleaved_requests_get_only_their_own_data(
    buyers: list[ActorClient],
    picker: ActorClient,
    nobody: ActorClient,
    shared_city: City,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one, two = [await place_test_order(buyer, shared_city) for buyer in buyers]
    engine = Engine(graph, limits=Limits(), on_error=format_error)
    prepared = engine.prepare("""query ($one: ID!, $two: ID!) {
      one: order(id: $one) { code deliveryPin lines { name } payment { clientSecret } }
      two: order(id: $two) { code deliveryPin lines { name } payment { clientSecret } } }""")
    assert isinstance(prepared, PreparedOperation)
    variables = {"one": encode_id(Order, one.id), "two": encode_id(Order, two.id)}

    async def execute(caller: ActorClient) -> Answer:
        context = caller.context()
        read = context.loaders._read

        async def slow(*args: Any) -> Any:
            await asyncio.sleep(0.01)
            return await read(*args)

        monkeypatch.setattr(context.loaders, "_read", slow)
        return await engine.execute(prepared, variables, context)

    callers = [*buyers, picker, nobody]
    allowed = [{"one"}, {"two"}, {"one", "two"}, set()]
    pins = [{one.delivery_pin}, {two.delivery_pin}, {None}, set()]
    answers = await asyncio.gather(*map(execute, callers * 6))
    for index, answer in enumerate(answers):
        orders = {name: order for name, order in answer.data.items() if order}
        assert set(orders) == allowed[index % 4]
        assert {order["deliveryPin"] for order in orders.values()} == pins[index % 4]
        codes = {error["extensions"]["code"] for error in answer.errors or []}
        assert codes <= {"NOT_FOUND", "UNAUTHENTICATED", "FORBIDDEN"}
