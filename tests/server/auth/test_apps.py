"""Apps of third parties at the door: keys, client credentials, what they may and how they end."""

import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from database.scope import PLATFORM
from database.sessions import Origin
from execution import Limits
from models.ids import decode
from models.integrations import AppSecret, AppSecretKind
from resolvers.context import House
from schema.root import graph
from server.auth.edge import Edge
from server.errors import present
from server.graphql_engine import HouseEngine
from server.rate_limit import Allowances, Sizes
from services.identity.app_secrets import DIGITS, checksum, hashed, made, sound
from tests.support.actors import Standing
from tests.support.city import City
from tests.support.graph_queries import operation, statements
from tests.support.server.client import opened
from tests.support.server.integrator import END, SECRET, UPDATE, Desk
from workflows.identity import app_cache
from workflows.identity.authenticator import Identity

REVOKE, ROTATE = operation("app_revoke"), operation("app_secret_rotate")
STOCK = "query ($store: ID!) { storeStock(storeId: $store, first: 2) { nodes { product { id } } } }"
QUEUE = "query ($store: ID!) { storeQueue(storeId: $store, first: 1) { nodes { id } } }"


@pytest.fixture
async def desk(house: House, company_admin: Standing, town: City) -> AsyncIterator[Desk]:
    engine = HouseEngine(graph, limits=Limits(), on_error=present)
    async with opened(house, engine) as doors:
        yield Desk(company_admin, doors, town)


def code_of(answer: httpx.Response) -> str:
    return str(answer.json()["errors"][0]["extensions"]["code"])


def test_a_secret_is_known_by_its_shape_and_its_checksum() -> None:
    for kind, begins in ((AppSecretKind.API_KEY, "dk_live_"), ("CLIENT_SECRET", "dk_oauth_")):
        text = made(AppSecretKind(kind))
        assert text.startswith(begins)
        assert sound(text)
        assert not sound(text[:-1] + ("0" if text[-1] != "0" else "1"))
        assert not sound(text.replace("_", "-", 1))
    assert made(AppSecretKind.API_KEY) != made(AppSecretKind.API_KEY)
    digits = [DIGITS.index(digit) for digit in checksum("123456789")]
    number = sum(digit * 62**place for place, digit in enumerate(reversed(digits)))
    assert number == 0xCBF43926  # the check value of CRC-32


async def test_a_key_opens_what_its_scopes_name_and_nothing_else(desk: Desk, house: House) -> None:
    app = await desk.app("STOCK_READ")
    key, text = await desk.secret(app)
    answer = await desk.ask(text)
    assert answer.status_code == 200
    assert "errors" not in answer.json()
    refused = await desk.ask(text, QUEUE)
    assert (refused.status_code, code_of(refused)) == (403, "FORBIDDEN")
    assert refused.json()["errors"][0]["extensions"]["scope"] == "fulfillments:read"
    async with house.database.read(PLATFORM) as session:
        row = await session.get_one(AppSecret, decode(AppSecret, key))
    assert row.hash == hashed(text)
    assert row.last_used_at is not None
    assert text not in repr(row.__dict__)
    wrong = await desk.ask(made(AppSecretKind.API_KEY))
    assert (wrong.status_code, code_of(wrong)) == (401, "UNAUTHENTICATED")


async def test_a_secret_is_shown_once_even_to_an_equal_request(desk: Desk) -> None:
    app = await desk.app()
    given = {"input": {"appId": app, "kind": "API_KEY"}}
    first, again = [
        (await desk.admin.run(SECRET, given, idempotency_key=f"once-{app}"))["appSecretCreate"]
        for _ in range(2)
    ]
    assert first["text"]
    assert again["text"] is None
    assert again["secret"]["id"] == first["secret"]["id"]


async def test_client_credentials_are_traded_for_a_token_with_the_scopes_asked(
    desk: Desk, house: House
) -> None:
    app = await desk.app("STOCK_READ", "ORDERS_READ")
    _, secret = await desk.secret(app, "CLIENT_SECRET")
    answer = await desk.token(app, secret, scope="stock:read")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    said = answer.json()
    assert (said["token_type"], said["expires_in"], said["scope"]) == ("Bearer", 600, "stock:read")
    claims = house.identity.read(said["access_token"])
    assert claims.actor.app_id is not None
    assert "errors" not in (await desk.ask(said["access_token"])).json()
    order = '{ order(id: "ord_AZq3AAAAAAAAAAAAAAAAAA") { id } }'
    refused = await desk.ask(said["access_token"], order)
    assert refused.json()["errors"][0]["extensions"]["scope"] == "orders:read"
    form = {"grant_type": "client_credentials", "client_id": app, "client_secret": secret}
    by_form = await desk.doors.http.post("/oauth/token", data=form)
    assert by_form.json()["scope"] == "orders:read stock:read"
    assert (await desk.ask(secret)).status_code == 401  # a client secret is no API key


async def test_the_token_endpoint_says_what_is_wrong_as_the_rfc_names_it(desk: Desk) -> None:
    app = await desk.app()
    _, secret = await desk.secret(app, "CLIENT_SECRET")
    _, key = await desk.secret(app)
    post = desk.doors.http.post
    good = {"grant_type": "client_credentials"}
    asked = {
        "invalid_scope": [
            await desk.token(app, secret, scope="orders:read"),
            await desk.token(app, secret, scope="everything"),
        ],
        "invalid_client": [
            await desk.token(app, key),
            await desk.token(app, "nothing"),
            await desk.token("app_AZq3AAAAAAAAAAAAAAAAAA", secret),
            await post("/oauth/token", data=good),
            await post("/oauth/token", data=good, headers={"authorization": "Basic !"}),
            await post("/oauth/token", data=good, headers={"authorization": "Bearer x"}),
        ],
        "unsupported_grant_type": [await post("/oauth/token", data={"grant_type": "password"})],
        "invalid_request": [
            await post("/oauth/token", json=good),
            await post("/oauth/token", data={"scope": "x"}),
            await post("/oauth/token", data={**good, "pad": "x" * 9_000}),
            await post("/oauth/token", data={**good, "client_secret": "x"}, auth=(app, secret)),
            await post("/oauth/token", content=b"grant_type=a&grant_type=b", headers=FORM),
            await post("/oauth/token", content=b"\xff\xfe=", headers=FORM),
        ],
    }
    for code, answers in asked.items():
        for answer in answers:
            assert answer.json()["error"] == code
            assert answer.status_code == {"invalid_client": 401}.get(
                code, 413 if "too long" in answer.text else 400
            )
    assert asked["invalid_client"][0].headers["www-authenticate"].startswith("Basic")


FORM = {"content-type": "application/x-www-form-urlencoded"}


async def test_an_ended_secret_or_app_is_turned_away_within_five_seconds_elsewhere(
    desk: Desk, house: House, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    assert app_cache.ALIVE_SECONDS <= 5
    app = await desk.app()
    key, text = await desk.secret(app)
    _, secret = await desk.secret(app, "CLIENT_SECRET")
    token = (await desk.token(app, secret)).json()["access_token"]
    elsewhere = Identity(keys_file=tmp_path / "keys.json", database=house.database)
    assert await elsewhere.apps.of_text(text, AppSecretKind.API_KEY)
    await desk.do(END, secretId=key)
    assert (await desk.ask(text)).status_code == 401
    assert await elsewhere.apps.of_text(text, AppSecretKind.API_KEY)
    monkeypatch.setattr(app_cache, "ALIVE_SECONDS", 0.0)
    assert await elsewhere.apps.of_text(text, AppSecretKind.API_KEY) is None
    assert (await desk.ask(token)).status_code == 200
    session_id = house.identity.read(token).actor.session_id
    assert session_id is not None
    assert await house.identity.standing.grants(session_id)
    await desk.do(REVOKE, appId=app)
    assert (await desk.ask(token)).status_code == 401
    assert await house.identity.standing.grants(session_id) is None


async def test_fewer_scopes_hold_for_tokens_that_are_out(desk: Desk) -> None:
    app = await desk.app("STOCK_READ", "FULFILLMENTS_READ")
    _, secret = await desk.secret(app, "CLIENT_SECRET")
    token = (await desk.token(app, secret)).json()["access_token"]
    assert (await desk.ask(token, QUEUE)).status_code == 200
    await desk.do(UPDATE, appId=app, scopes=["STOCK_READ"])
    assert (await desk.ask(token, QUEUE)).status_code == 403
    assert (await desk.ask(token)).status_code == 200


async def test_two_secrets_live_in_the_grace_and_never_three(desk: Desk) -> None:
    app = await desk.app()
    key, old = await desk.secret(app)
    given = {"secretId": key, "graceSeconds": 60}
    second = await desk.do(ROTATE, **given)
    assert [(await desk.ask(one)).status_code for one in (old, second["text"])] == [200, 200]
    refused = (await desk.admin.run(ROTATE, {"input": given}))["appSecretRotate"]["errors"]
    assert [one["__typename"] for one in refused] == ["AppLimit"]
    third = await desk.do(ROTATE, secretId=second["secret"]["id"], graceSeconds=0)
    assert (await desk.ask(third["text"])).status_code == 200
    assert (await desk.ask(old)).status_code == 200
    desk.admin.house.identity.apps.forget()
    assert (await desk.ask(second["text"])).status_code == 401


async def test_the_use_of_a_secret_is_written_once_a_minute(
    desk: Desk, house: House, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setattr(app_cache, "ALIVE_SECONDS", 0.0)
    _, text = await desk.secret(await desk.app())
    with statements(house.database) as sent:
        for _ in range(5):
            assert (await desk.ask(text)).status_code == 200
    assert len([one for one in sent if "UPDATE app_secret" in one]) == 1
    query = select(AppSecret.last_used_at).where(AppSecret.hash == hashed(text))
    async with house.database.read(PLATFORM) as session:
        before = await session.scalar(query)
    elsewhere = Identity(keys_file=tmp_path / "keys.json", database=house.database)
    assert await elsewhere.apps.of_text(text, AppSecretKind.API_KEY)
    async with house.database.read(PLATFORM) as session:
        assert await session.scalar(query) == before


async def test_an_expired_key_is_turned_away(desk: Desk, house: House) -> None:
    key, text = await desk.secret(await desk.app())
    async with house.database.write(PLATFORM, Origin("test")) as session:
        row = await session.get_one(AppSecret, decode(AppSecret, key))
        row.expires_at = row.created_at
    assert (await desk.ask(text)).status_code == 401


async def test_an_app_pays_from_its_own_bucket_and_its_companys(
    house: House, company_admin: Standing, town: City
) -> None:
    engine = HouseEngine(
        graph, limits=Limits(), on_error=present, allowances=Allowances(), sizes=Sizes.of(1)
    )
    async with opened(house, engine) as doors:
        desk = Desk(company_admin, doors, town)
        _, hungry = await desk.secret(await desk.app())
        _, other = await desk.secret(await desk.app())
        answer = await desk.ask(hungry, STOCK)
        assert answer.status_code == 200
        for _ in range(100):
            answer = await desk.ask(hungry, STOCK)
            if answer.status_code == 429:
                break
        assert answer.status_code == 429
        assert code_of(answer) == "THROTTLED"
        assert (await desk.ask(other)).status_code == 200


async def test_a_socket_of_a_key_ends_when_an_access_token_would(desk: Desk, house: House) -> None:
    _, text = await desk.secret(await desk.app())
    edge = Edge()
    edge.house = house
    opened_ = await edge.open({"authorization": f"Bearer {text}"}, client="")
    expires_at = getattr(opened_, "expires_at", None)
    assert expires_at is not None
    assert 0 < expires_at - time.time() <= 600


async def test_other_companies_can_neither_see_nor_touch_an_app(
    desk: Desk, other_company_admin: Standing, manager: Standing
) -> None:
    app = await desk.app()
    key, _ = await desk.secret(app)
    detail = operation("app_detail")
    assert await other_company_admin.codes(detail, {"id": app}) == {"NOT_FOUND"}
    assert await manager.codes(detail, {"id": app}) == {"FORBIDDEN"}
    for document, given in (
        (REVOKE, {"appId": app}),
        (UPDATE, {"appId": app, "name": "Mine"}),
        (SECRET, {"appId": app, "kind": "API_KEY"}),
        (ROTATE, {"secretId": key}),
        (END, {"secretId": key}),
    ):
        [payload] = (await other_company_admin.run(document, {"input": given})).values()
        assert [one["__typename"] for one in payload["errors"]] == ["NotFound"]
