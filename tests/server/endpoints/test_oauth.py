"""The token endpoint: client credentials of apps, and its errors."""

from resolvers.context import Container
from tests.support.server.integrator import AppAdmin

FORM = {"content-type": "application/x-www-form-urlencoded"}


async def test_client_credentials_get_a_token_with_the_requested_scopes(
    app_admin: AppAdmin, container: Container
) -> None:
    app = await app_admin.create_app("STOCK_READ", "ORDERS_READ")
    _, secret = await app_admin.create_secret(app, "CLIENT_SECRET")
    response = await app_admin.request_token(app, secret, scope="stock:read")
    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    body = response.json()
    assert (body["token_type"], body["expires_in"], body["scope"]) == ("Bearer", 600, "stock:read")
    claims = container.authenticator.verify(body["access_token"])
    assert claims.actor.app_id is not None
    assert "errors" not in (await app_admin.query_as(body["access_token"])).json()
    order = '{ order(id: "ord_AZq3AAAAAAAAAAAAAAAAAA") { id } }'
    response = await app_admin.query_as(body["access_token"], order)
    assert response.json()["errors"][0]["extensions"]["scope"] == "orders:read"
    form = {"grant_type": "client_credentials", "client_id": app, "client_secret": secret}
    by_form = await app_admin.client.http.post("/oauth/token", data=form)
    assert by_form.json()["scope"] == "orders:read stock:read"
    assert (await app_admin.query_as(secret)).status_code == 401  # a client secret is no API key


async def test_the_token_endpoint_answers_the_error_codes_of_the_rfc(
    app_admin: AppAdmin,
) -> None:
    app = await app_admin.create_app()
    _, secret = await app_admin.create_secret(app, "CLIENT_SECRET")
    _, key = await app_admin.create_secret(app)
    post = app_admin.client.http.post
    form = {"grant_type": "client_credentials"}
    responses_by_error = {
        "invalid_scope": [
            await app_admin.request_token(app, secret, scope="orders:read"),
            await app_admin.request_token(app, secret, scope="everything"),
        ],
        "invalid_client": [
            await app_admin.request_token(app, key),
            await app_admin.request_token(app, "nothing"),
            await app_admin.request_token("app_AZq3AAAAAAAAAAAAAAAAAA", secret),
            await post("/oauth/token", data=form),
            await post("/oauth/token", data=form, headers={"authorization": "Basic !"}),
            await post("/oauth/token", data=form, headers={"authorization": "Bearer x"}),
        ],
        "unsupported_grant_type": [await post("/oauth/token", data={"grant_type": "password"})],
        "invalid_request": [
            await post("/oauth/token", json=form),
            await post("/oauth/token", data={"scope": "x"}),
            await post("/oauth/token", data={**form, "pad": "x" * 9_000}),
            await post("/oauth/token", data={**form, "client_secret": "x"}, auth=(app, secret)),
            await post("/oauth/token", content=b"grant_type=a&grant_type=b", headers=FORM),
            await post("/oauth/token", content=b"\xff\xfe=", headers=FORM),
        ],
    }
    for code, responses in responses_by_error.items():
        for response in responses:
            assert response.json()["error"] == code
            assert response.status_code == {"invalid_client": 401}.get(
                code, 413 if "too long" in response.text else 400
            )
    assert responses_by_error["invalid_client"][0].headers["www-authenticate"].startswith("Basic")
