"""Streams of apps end with the key and the scopes that opened them."""

import pytest

from models.identity import AppScope
from models.ids import encode_id
from models.integrations import AppSecretKind
from resolvers.context import Container
from subscriptions.engine import access_monitor
from tests.support.actors import ActorClient
from tests.support.server.integrator import REVOKE_SECRET, UPDATE_APP, AppAdmin
from tests.support.streams.subscriber import subscribe


async def test_a_stream_ends_with_the_key_that_opened_it(
    app_admin: AppAdmin, container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key that leaked was revoked, and its open streams read on for up to ten minutes."""
    monkeypatch.setattr(access_monitor, "SESSION_CHECK_SECONDS", 0.2)
    key, secret = await app_admin.create_secret(
        await app_admin.create_app("FULFILLMENTS_READ", "CUSTOMERS_READ")
    )
    credential = await container.authenticator.apps.find_by_secret(secret, AppSecretKind.API_KEY)
    assert credential is not None
    app = ActorClient(container, credential.actor())
    store = encode_id(type(app_admin.city.near), app_admin.city.near.id)
    async with subscribe(app, "store_queue_changed", storeId=store) as stream:
        await stream.next_message()
        await app_admin.run(REVOKE_SECRET, appSecretId=key)
        assert await stream.final_error_code() == "UNAUTHENTICATED"


async def test_a_stream_ends_when_a_scope_of_its_app_was_taken_away(
    app_admin: AppAdmin, container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The app may not read orders any more, and its open stream still sends them."""
    assert access_monitor.SESSION_CHECK_SECONDS <= 5
    monkeypatch.setattr(access_monitor, "SESSION_CHECK_SECONDS", 0.2)
    app = await app_admin.create_app("FULFILLMENTS_READ", "CUSTOMERS_READ", "STOCK_READ")
    _, secret = await app_admin.create_secret(app)
    credential = await container.authenticator.apps.find_by_secret(secret, AppSecretKind.API_KEY)
    assert credential is not None
    store = encode_id(type(app_admin.city.near), app_admin.city.near.id)
    actor_with_fewer_scopes = credential.actor(
        frozenset({AppScope.FULFILLMENTS_READ, AppScope.CUSTOMERS_READ})
    )
    async with (
        subscribe(
            ActorClient(container, credential.actor()), "store_queue_changed", storeId=store
        ) as stream,
        subscribe(
            ActorClient(container, actor_with_fewer_scopes), "store_queue_changed", storeId=store
        ) as other,
    ):
        await stream.next_message()
        await other.next_message()
        await app_admin.run(UPDATE_APP, appId=app, scopes=["FULFILLMENTS_READ", "CUSTOMERS_READ"])
        assert await stream.final_error_code() == "FORBIDDEN"
        with pytest.raises(TimeoutError):  # its token never had the removed scope
            await other.next_message(seconds=1.0)
