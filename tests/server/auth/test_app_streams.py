"""Streams of apps of third parties: they last as long as what opened them."""

from collections.abc import AsyncIterator

import pytest

from execution import Limits
from models.identity import AppScope
from models.ids import encode
from models.integrations import AppSecretKind
from resolvers.context import House
from schema.root import graph
from server.errors import present
from server.graphql_engine import HouseEngine
from subscriptions.engine import access_monitor
from tests.support.actors import Standing
from tests.support.city import City
from tests.support.server.client import opened
from tests.support.server.integrator import END, UPDATE, Desk
from tests.support.streams.subscriber import watching


@pytest.fixture
async def desk(house: House, company_admin: Standing, town: City) -> AsyncIterator[Desk]:
    engine = HouseEngine(graph, limits=Limits(), on_error=present)
    async with opened(house, engine) as doors:
        yield Desk(company_admin, doors, town)


async def test_a_stream_ends_with_the_key_that_opened_it(
    desk: Desk, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access_monitor, "ADMIT_SECONDS", 0.2)
    key, text = await desk.secret(await desk.app("FULFILLMENTS_READ", "CUSTOMERS_READ"))
    holder = await house.identity.apps.of_text(text, AppSecretKind.API_KEY)
    assert holder is not None
    app = Standing(house, holder.actor())
    store = encode(type(desk.city.near), desk.city.near.id)
    async with watching(app, "store_queue_changed", storeId=store) as line:
        await line.next()
        await desk.do(END, secretId=key)
        assert await line.refused() == "UNAUTHENTICATED"


async def test_a_stream_ends_when_a_scope_of_its_app_was_taken_away(
    desk: Desk, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert access_monitor.ADMIT_SECONDS <= 5
    monkeypatch.setattr(access_monitor, "ADMIT_SECONDS", 0.2)
    app = await desk.app("FULFILLMENTS_READ", "CUSTOMERS_READ", "STOCK_READ")
    _, text = await desk.secret(app)
    holder = await house.identity.apps.of_text(text, AppSecretKind.API_KEY)
    assert holder is not None
    store = encode(type(desk.city.near), desk.city.near.id)
    fewer = holder.actor(frozenset({AppScope.FULFILLMENTS_READ, AppScope.CUSTOMERS_READ}))
    async with (
        watching(Standing(house, holder.actor()), "store_queue_changed", storeId=store) as line,
        watching(Standing(house, fewer), "store_queue_changed", storeId=store) as other,
    ):
        await line.next()
        await other.next()
        await desk.do(UPDATE, appId=app, scopes=["FULFILLMENTS_READ", "CUSTOMERS_READ"])
        assert await line.refused() == "FORBIDDEN"
        with pytest.raises(TimeoutError):  # it had never asked for what was taken away
            await other.next(seconds=1.0)
