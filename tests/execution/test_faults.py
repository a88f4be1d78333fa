"""Loaders of the real graph that break: errors as graphql-core's, and nobody else's data."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from dataloaders import catalog as load_catalog
from dataloaders import orders as load
from dataloaders import payments as load_payments
from dataloaders import stores as load_stores
from execution import Answer, Engine, Limits, Prepared
from models.identity import Grant, Role
from models.ids import encode
from models.orders import Order
from resolvers.context import House
from schema.root import graph
from server.errors import present
from tests.subscriptions.orders.test_orders import placed
from tests.support.actors import Standing, stand
from tests.support.city import City
from tests.support.execution.differential import Pair, assert_same

BATCHES = {
    "lines": load.lines_by_order,
    "payment": load_payments.payment_by_order,
    "refunds": load_payments.refunds_by_order,
    "store": load_stores.store_by_id,
    "product": load_catalog.offer_by_store_and_product,
}
DOCUMENT = """query ($id: ID!) {
  order(id: $id) {
    id payment { status amount { minor } } refunds { amount { minor } } store { name }
    lines { name product { name price { minor } } } other: lines { quantity }
  }
  again: order(id: $id) { lines { total { minor } } store { code } code }
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


class Faulty:
    """Loaders of which one batch answers by a fault."""

    def __init__(self, loaders: Any, batch: Any, fault: Fault) -> None:
        self._loaders = loaders
        self._batch = batch

        async def answer(_session: Any, keys: Sequence[Any], *_fields: Any) -> Any:
            return fault(keys)

        answer.__name__ = batch.__name__
        answer.public = getattr(batch, "public", False)  # type: ignore[attr-defined] # as a mark
        self._answer = answer

    async def load(self, batch: Any, key: Any) -> Any:
        return await self._loaders.load(self._chosen(batch), key)

    def foresee(self, batch: Any, key: Any, *fields: Any) -> None:
        self._loaders.foresee(self._chosen(batch), key, *fields)

    def read_ahead(self, batch: Any, ahead: Any, key: Any) -> None:
        self._loaders.read_ahead(self._chosen(batch), ahead, key)

    def known(self, batch: Any, keys: Sequence[Any], *fields: Any) -> Any:
        return self._loaders.known(self._chosen(batch), keys, *fields)

    async def batch(self, batch: Any, keys: Sequence[Any], *fields: Any) -> Any:
        return await self._loaders.batch(self._chosen(batch), keys, *fields)

    def _chosen(self, batch: Any) -> Any:
        return self._answer if batch is self._batch else batch


@pytest.fixture(scope="module")
async def buyers(house: House) -> list[Standing]:
    """Two customers of these tests alone."""
    return [await stand(house, "Buyer", Grant(Role.CUSTOMER)) for _ in range(2)]


@pytest.fixture(scope="module")
async def order(buyers: list[Standing], town: City) -> str:
    return encode(Order, (await placed(buyers[0], town)).id)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
@pytest.mark.parametrize("name", sorted(BATCHES))
async def test_a_broken_batch_gives_the_errors_of_the_reference(
    buyers: list[Standing], order: str, name: str, fault: Fault
) -> None:
    def context() -> Any:
        made = buyers[0].context()
        faulty: Any = Faulty(made.loaders, BATCHES[name], fault)
        return replace(made, loaders=faulty)

    answers = await Pair(graph).answers(DOCUMENT, {"id": order}, context)
    assert_same(*answers)
    shown = Engine(graph, on_error=present)
    prepared = shown.prepare(DOCUMENT)
    assert isinstance(prepared, Prepared)
    answer = await shown.execute(prepared, {"id": order}, context())
    assert answer.executed
    codes = {error["extensions"]["code"] for error in answer.errors or []}
    assert codes <= {"INTERNAL", "UNAVAILABLE", "INVALID_INPUT"}
    assert "broke" not in answer.encode().decode()


async def test_requests_in_between_each_other_get_each_their_own(
    buyers: list[Standing],
    picker: Standing,
    nobody: Standing,
    town: City,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one, two = [await placed(buyer, town) for buyer in buyers]
    engine = Engine(graph, limits=Limits(), on_error=present)
    prepared = engine.prepare("""query ($one: ID!, $two: ID!) {
      one: order(id: $one) { code deliveryPin lines { name } payment { clientSecret } }
      two: order(id: $two) { code deliveryPin lines { name } payment { clientSecret } } }""")
    assert isinstance(prepared, Prepared)
    given = {"one": encode(Order, one.id), "two": encode(Order, two.id)}

    async def ask(who: Standing) -> Answer:
        context = who.context()
        read = context.loaders._read

        async def slow(*args: Any) -> Any:
            await asyncio.sleep(0.01)
            return await read(*args)

        monkeypatch.setattr(context.loaders, "_read", slow)
        return await engine.execute(prepared, given, context)

    cast = [*buyers, picker, nobody]
    allowed = [{"one"}, {"two"}, {"one", "two"}, set()]
    pins = [{one.delivery_pin}, {two.delivery_pin}, {None}, set()]
    answers = await asyncio.gather(*map(ask, cast * 6))
    for nth, answer in enumerate(answers):
        seen = {name: found for name, found in answer.data.items() if found}
        assert set(seen) == allowed[nth % 4]
        assert {found["deliveryPin"] for found in seen.values()} == pins[nth % 4]
        codes = {error["extensions"]["code"] for error in answer.errors or []}
        assert codes <= {"NOT_FOUND", "UNAUTHENTICATED", "FORBIDDEN"}
