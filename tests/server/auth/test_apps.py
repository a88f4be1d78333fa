"""Apps of third parties: API keys, scopes, rotation and revocation."""

import time
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from database.audit import AuditContext
from database.scope import PLATFORM
from execution import Limits
from models.ids import decode_id
from models.integrations import AppSecret, AppSecretKind
from resolvers.context import Container
from schema.root import graph
from server.auth.header_authenticator import HeaderAuthenticator
from server.errors import format_error
from server.graphql_engine import GraphQLEngine
from server.rate_limit.budgets import CallerBudgets
from server.rate_limit.callers import CallerBucketSizes
from server.transport.authentication import AuthenticatedCaller, authentication_of
from services.identity.app_secrets import (
    BASE62_DIGITS,
    checksum,
    generate,
    hash_secret,
    is_well_formed,
)
from tests.support.actors import ActorClient
from tests.support.city import City
from tests.support.graph_queries import operation, record_statements
from tests.support.server.client import serve_engine
from tests.support.server.integrator import CREATE_SECRET, REVOKE_SECRET, UPDATE_APP, AppAdmin
from workflows.identity import app_cache
from workflows.identity.authenticator import Authenticator

REVOKE_APP, ROTATE = operation("app_revoke"), operation("app_secret_rotate")
STOCK = "query ($store: ID!) { storeStock(storeId: $store, first: 2) { nodes { product { id } } } }"
QUEUE = "query ($store: ID!) { storeQueue(storeId: $store, first: 1) { nodes { id } } }"


def code_of(response: httpx.Response) -> str:
    return str(response.json()["errors"][0]["extensions"]["code"])


def test_a_secret_is_recognized_by_its_format_and_checksum() -> None:
    for kind, prefix in ((AppSecretKind.API_KEY, "dk_live_"), ("CLIENT_SECRET", "dk_oauth_")):
        text = generate(AppSecretKind(kind))
        assert text.startswith(prefix)
        assert is_well_formed(text)
        assert not is_well_formed(text[:-1] + ("0" if text[-1] != "0" else "1"))
        assert not is_well_formed(text.replace("_", "-", 1))
    assert generate(AppSecretKind.API_KEY) != generate(AppSecretKind.API_KEY)
    digits = [BASE62_DIGITS.index(digit) for digit in checksum("123456789")]
    number = sum(digit * 62**place for place, digit in enumerate(reversed(digits)))
    assert number == 0xCBF43926  # the check value of CRC-32


async def test_a_key_allows_what_its_scopes_allow_and_nothing_else(
    app_admin: AppAdmin, container: Container
) -> None:
    app = await app_admin.create_app("STOCK_READ")
    key, text = await app_admin.create_secret(app)
    response = await app_admin.query_as(text)
    assert response.status_code == 200
    assert "errors" not in response.json()
    response = await app_admin.query_as(text, QUEUE)
    assert (response.status_code, code_of(response)) == (403, "FORBIDDEN")
    assert response.json()["errors"][0]["extensions"]["scope"] == "fulfillments:read"
    async with container.database.read(PLATFORM) as session:
        row = await session.get_one(AppSecret, decode_id(AppSecret, key))
    assert row.hash == hash_secret(text)
    assert row.last_used_at is not None
    assert text not in repr(row.__dict__)
    response = await app_admin.query_as(generate(AppSecretKind.API_KEY))
    assert (response.status_code, code_of(response)) == (401, "UNAUTHENTICATED")


async def test_a_secret_is_shown_once_even_to_an_equal_request(app_admin: AppAdmin) -> None:
    app = await app_admin.create_app()
    values = {"input": {"appId": app, "type": "API_KEY"}}
    first, second = [
        (await app_admin.admin.run(CREATE_SECRET, values, idempotency_key=f"once-{app}"))[
            "appSecretCreate"
        ]
        for _ in range(2)
    ]
    assert first["secretValue"]
    assert second["secretValue"] is None
    assert second["appSecret"]["id"] == first["appSecret"]["id"]


async def test_other_processes_reject_a_revoked_secret_or_app_within_five_seconds(
    app_admin: AppAdmin, container: Container, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    """The process that revoked knew it at once; the next one let the key in for minutes."""
    assert app_cache.CACHE_SECONDS <= 5
    app = await app_admin.create_app()
    key, text = await app_admin.create_secret(app)
    _, secret = await app_admin.create_secret(app, "CLIENT_SECRET")
    token = (await app_admin.request_token(app, secret)).json()["access_token"]
    other_process = Authenticator(keys_file=tmp_path / "keys.json", database=container.database)
    assert await other_process.apps.find_by_secret(text, AppSecretKind.API_KEY)
    await app_admin.run(REVOKE_SECRET, appSecretId=key)
    assert (await app_admin.query_as(text)).status_code == 401
    assert await other_process.apps.find_by_secret(text, AppSecretKind.API_KEY)
    monkeypatch.setattr(app_cache, "CACHE_SECONDS", 0.0)
    assert await other_process.apps.find_by_secret(text, AppSecretKind.API_KEY) is None
    assert (await app_admin.query_as(token)).status_code == 200
    session_id = container.authenticator.verify(token).actor.session_id
    assert session_id is not None
    assert await container.authenticator.session_grants.grants(session_id)
    await app_admin.run(REVOKE_APP, appId=app)
    assert (await app_admin.query_as(token)).status_code == 401
    assert await container.authenticator.session_grants.grants(session_id) is None


async def test_removed_scopes_are_lost_by_issued_tokens(app_admin: AppAdmin) -> None:
    """A token of an hour ago would keep scopes that the admin has taken away."""
    app = await app_admin.create_app("STOCK_READ", "FULFILLMENTS_READ")
    _, secret = await app_admin.create_secret(app, "CLIENT_SECRET")
    token = (await app_admin.request_token(app, secret)).json()["access_token"]
    assert (await app_admin.query_as(token, QUEUE)).status_code == 200
    await app_admin.run(UPDATE_APP, appId=app, scopes=["STOCK_READ"])
    assert (await app_admin.query_as(token, QUEUE)).status_code == 403
    assert (await app_admin.query_as(token)).status_code == 200


async def test_two_secrets_are_valid_in_the_grace_period_and_never_three(
    app_admin: AppAdmin,
) -> None:
    app = await app_admin.create_app()
    key, old = await app_admin.create_secret(app)
    values = {"appSecretId": key, "graceSeconds": 60}
    second = await app_admin.run(ROTATE, **values)
    assert [
        (await app_admin.query_as(one)).status_code for one in (old, second["secretValue"])
    ] == [
        200,
        200,
    ]
    payload = (await app_admin.admin.run(ROTATE, {"input": values}))["appSecretRotate"]
    assert [error["__typename"] for error in payload["errors"]] == ["AppLimit"]
    third = await app_admin.run(ROTATE, appSecretId=second["appSecret"]["id"], graceSeconds=0)
    assert (await app_admin.query_as(third["secretValue"])).status_code == 200
    assert (await app_admin.query_as(old)).status_code == 200
    app_admin.admin.container.authenticator.apps.clear()
    assert (await app_admin.query_as(second["secretValue"])).status_code == 401


async def test_the_use_of_a_secret_is_recorded_once_a_minute(
    app_admin: AppAdmin, container: Container, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setattr(app_cache, "CACHE_SECONDS", 0.0)
    _, text = await app_admin.create_secret(await app_admin.create_app())
    with record_statements(container.database) as statements:
        for _ in range(5):
            assert (await app_admin.query_as(text)).status_code == 200
    assert sum("UPDATE app_secret" in statement for statement in statements) == 1
    query = select(AppSecret.last_used_at).where(AppSecret.hash == hash_secret(text))
    async with container.database.read(PLATFORM) as session:
        before = await session.scalar(query)
    other_process = Authenticator(keys_file=tmp_path / "keys.json", database=container.database)
    assert await other_process.apps.find_by_secret(text, AppSecretKind.API_KEY)
    async with container.database.read(PLATFORM) as session:
        assert await session.scalar(query) == before


async def test_an_expired_key_is_rejected(app_admin: AppAdmin, container: Container) -> None:
    key, text = await app_admin.create_secret(await app_admin.create_app())
    async with container.database.write(PLATFORM, AuditContext("test")) as session:
        row = await session.get_one(AppSecret, decode_id(AppSecret, key))
        row.expires_at = row.created_at
    assert (await app_admin.query_as(text)).status_code == 401


async def test_an_app_pays_from_its_own_bucket_and_its_companys(
    container: Container, company_admin: ActorClient, shared_city: City
) -> None:
    engine = GraphQLEngine(
        graph,
        limits=Limits(),
        on_error=format_error,
        budgets=CallerBudgets(sizes=CallerBucketSizes.of(1)),
    )
    async with serve_engine(container, engine) as client:
        app_admin = await AppAdmin.create(company_admin, client, shared_city)
        _, key = await app_admin.create_secret(await app_admin.create_app())
        _, other = await app_admin.create_secret(await app_admin.create_app())
        response = await app_admin.query_as(key, STOCK)
        assert response.status_code == 200
        for _ in range(100):
            response = await app_admin.query_as(key, STOCK)
            if response.status_code == 429:
                break
        assert response.status_code == 429
        assert code_of(response) == "THROTTLED"
        assert (await app_admin.query_as(other)).status_code == 200


async def test_a_socket_of_a_key_ends_when_an_access_token_would(
    app_admin: AppAdmin, container: Container
) -> None:
    """A socket opened by a key would live for ever, unlike one opened by a token."""
    _, text = await app_admin.create_secret(await app_admin.create_app())
    headers = {"authorization": f"Bearer {text}"}
    caller = await authentication_of(HeaderAuthenticator(container), headers, "")
    assert isinstance(caller, AuthenticatedCaller)
    expires_at = caller.expires_at
    assert expires_at is not None
    assert 0 < expires_at - time.time() <= 600


async def test_other_companies_can_neither_see_nor_touch_an_app(
    app_admin: AppAdmin, other_company_admin: ActorClient, manager: ActorClient
) -> None:
    app = await app_admin.create_app()
    key, _ = await app_admin.create_secret(app)
    detail = operation("app_detail")
    assert await other_company_admin.codes(detail, {"id": app}) == {"NOT_FOUND"}
    assert await manager.codes(detail, {"id": app}) == {"FORBIDDEN"}
    for document, values in (
        (REVOKE_APP, {"appId": app}),
        (UPDATE_APP, {"appId": app, "name": "Mine"}),
        (CREATE_SECRET, {"appId": app, "type": "API_KEY"}),
        (ROTATE, {"appSecretId": key}),
        (REVOKE_SECRET, {"appSecretId": key}),
    ):
        [payload] = (await other_company_admin.run(document, {"input": values})).values()
        assert [error["__typename"] for error in payload["errors"]] == ["NotFound"]
