import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from simulators.stripe import (
    challenge,
    control,
    deliveries,
    disputes,
    idempotency,
    intents,
    objects,
    refunds,
)
from simulators.stripe.account import ApiCall, SimulatorSettings, StripeAccount
from simulators.stripe.authorization import authorize, read_body
from simulators.stripe.charging import expire_holds
from simulators.stripe.idempotency import KeyedRequest, StoredResponse
from simulators.stripe.shapes import public as public_view
from simulators.stripe.state import State
from simulators.stripe.wire import (
    API_VERSION,
    ApiError,
    Body,
    new_id,
    parse_form,
)

HOUSEKEEPING_SECONDS = 1.0

Endpoint = Callable[[ApiCall], Body]

# Stripe.js calls from the customer's browser, so every origin is allowed; a key is still required.
CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, Idempotency-Key, Stripe-Version",
}
PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action *",
    "Referrer-Policy": "no-referrer",
}


class DroppedResponse(Response):
    """Closes the connection before the response is complete, after the request was executed."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-length", b"1000")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})


def build(settings: SimulatorSettings | None = None) -> Starlette:
    """Build the simulator as an ASGI app, which opens and closes its state."""
    settings = settings or SimulatorSettings()

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        state = State(settings.state_path)
        account = StripeAccount(settings, state, webhook_url=settings.webhook_url)
        app.state.account = account
        work = deliveries.WebhookDispatcher(account)
        tasks = [asyncio.create_task(work.run()), asyncio.create_task(_housekeeping(account))]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            state.db.close()

    return Starlette(
        routes=_routes(),
        lifespan=lifespan,
        exception_handlers={HTTPException: _no_such_url, ApiError: _api_error},
    )


async def _housekeeping(account: StripeAccount) -> None:
    while True:
        with account.state.transaction():
            expire_holds(account)
            idempotency.delete_expired(account)
            deliveries.delete_finished(account)
        await asyncio.sleep(HOUSEKEEPING_SECONDS)


def _routes() -> list[Route]:
    intent = "/v1/payment_intents/{id}"
    listed: list[tuple[str, str, str | None]] = [
        ("payment_intent", "/v1/payment_intents", None),
        ("charge", "/v1/charges", "payment_intent"),
        ("refund", "/v1/refunds", "payment_intent"),
        ("dispute", "/v1/disputes", "payment_intent"),
        ("event", "/v1/events", "type"),
        ("customer", "/v1/customers", None),
    ]
    routes = [
        _api("/v1/payment_intents", "POST", intents.create),
        _api(f"{intent}/confirm", "POST", intents.confirm, for_clients=True),
        _api(f"{intent}/capture", "POST", intents.capture),
        _api(f"{intent}/cancel", "POST", intents.cancel),
        _api(intent, "GET", intents.read, for_clients=True),
        _api(intent, "POST", intents.update),
        _api("/v1/refunds", "POST", refunds.create),
        _api("/v1/balance", "GET", objects.balance),
        _api("/v1/customers", "POST", objects.create_customer),
        _api("/v1/payment_methods/{id}", "GET", partial(objects.get_object, "payment_method")),
    ]
    for kind, url, parent_param in listed:
        routes.append(_api(url, "GET", partial(objects.list_objects, kind, url, parent_param)))
        if kind != "payment_intent":
            routes.append(_api(f"{url}/{{id}}", "GET", partial(objects.get_object, kind)))
    routes += [
        Route("/v1/{path:path}", _preflight, methods=["OPTIONS"]),
        Route("/3ds/{id}", _challenge_page, methods=["GET"]),
        Route("/3ds/{id}", _challenge_answer, methods=["POST"]),
        _controlled("/_control", "GET", control.overview),
        _controlled("/_control/faults", "POST", control.set_faults),
        _controlled("/_control/webhook", "POST", control.set_webhook),
        _controlled("/_control/clock", "POST", control.advance_clock),
        _controlled("/_control/refunds", "POST", refunds.finish),
        _controlled("/_control/disputes", "POST", disputes.control),
        _controlled("/_control/reset", "POST", control.reset),
        _controlled("/_control/deliveries", "GET", control.deliveries),
    ]
    return routes


def _api(path: str, method: str, endpoint: Endpoint, *, for_clients: bool = False) -> Route:
    async def handle(request: Request) -> Response:
        account: StripeAccount = request.app.state.account
        params = parse_form(await read_body(request) or request.url.query.encode())
        if account.faults.outage:
            raise ApiError(503, "The service is down.", kind="api_error")
        is_public = authorize(account.settings, request, params, for_clients=for_clients)
        call = ApiCall(
            account=account,
            params=params,
            path_id=request.path_params.get("id", ""),
            public=is_public,
            origin=str(request.base_url).rstrip("/"),
            request_id=new_id("req"),
            idempotency_key=request.headers.get("idempotency-key") if method == "POST" else None,
            api_version=request.headers.get("stripe-version", API_VERSION),
        )
        return await _answer(call, endpoint, f"{method} {request.url.path}")

    return Route(path, handle, methods=[method])


async def _answer(call: ApiCall, endpoint: Endpoint, endpoint_name: str) -> Response:
    account, ask = call.account, None
    if call.idempotency_key:
        owner = "client" if call.public else "store"
        ask = idempotency.fingerprint_request(
            call.idempotency_key, owner, endpoint_name, call.params
        )
        if (before := idempotency.find_response(account, ask)) is not None:
            return _response(call, before, replayed=True)
        account.in_flight.add(ask.key)
    try:
        if seconds := account.faults.latency():
            await asyncio.sleep(seconds)
        if account.faults.take("fail_next"):
            raise ApiError(500, "An unexpected error occurred.", kind="api_error")
        answer = _perform(call, endpoint, ask)
    finally:
        if ask:
            account.in_flight.discard(ask.key)
    if account.faults.take("lose_answers"):
        return DroppedResponse()
    return _response(call, answer)


def _perform(call: ApiCall, endpoint: Endpoint, ask: KeyedRequest | None) -> StoredResponse:
    with call.account.state.transaction():
        try:
            status, body = 200, objects.expand(call, endpoint(call))
        except ApiError as error:
            if not error.begun:
                raise
            status, body = error.status, error.body
        if call.public:
            body = _for_clients(body)
        answer = StoredResponse(status, orjson.dumps(body), call.request_id)
        if ask:
            idempotency.store_response(call.account, ask, answer)
    return answer


def _for_clients(body: Body) -> Body:
    if "error" not in body:
        return public_view(body)
    error = dict(body["error"])
    if "payment_intent" in error:
        error["payment_intent"] = public_view(error["payment_intent"])
    return {"error": error}


def _response(call: ApiCall, answer: StoredResponse, *, replayed: bool = False) -> Response:
    headers = {**CORS, "Request-Id": call.request_id, "Stripe-Version": call.api_version}
    if call.idempotency_key:
        headers |= {
            "Idempotency-Key": call.idempotency_key,
            "Original-Request": answer.request_id,
        }
    if replayed:
        headers["Idempotent-Replayed"] = "true"
    return Response(answer.body, answer.status, headers, "application/json")


def _controlled(path: str, method: str, act: Callable[[StripeAccount, Any], Body]) -> Route:
    async def handle(request: Request) -> Response:
        account: StripeAccount = request.app.state.account
        if authorize(account.settings, request, {}, for_clients=False):
            raise ApiError(403, "The control endpoint requires the secret key.")
        try:
            body = orjson.loads(await read_body(request) or b"null")
        except orjson.JSONDecodeError as error:
            raise ApiError(400, "The body isn't JSON.") from error
        return Response(orjson.dumps(act(account, body)), media_type="application/json")

    return Route(path, handle, methods=[method])


async def _preflight(_: Request) -> Response:
    return Response(status_code=204, headers=CORS)


async def _challenge_page(request: Request) -> Response:
    token = request.query_params.get("challenge", "")
    page = challenge.confirmation_page(request.app.state.account, request.path_params["id"], token)
    return HTMLResponse(page, headers=PAGE_HEADERS)


async def _challenge_answer(request: Request) -> Response:
    account: StripeAccount = request.app.state.account
    page, back_to = challenge.answer(account, request.path_params["id"], await read_body(request))
    if back_to:
        return RedirectResponse(back_to, 303, PAGE_HEADERS)
    return HTMLResponse(page, headers=PAGE_HEADERS)


async def _api_error(_: Request, error: Exception) -> Response:
    if not isinstance(error, ApiError):
        raise error
    headers = {**CORS, "Request-Id": new_id("req"), "Stripe-Version": API_VERSION}
    return Response(orjson.dumps(error.body), error.status, headers, "application/json")


async def _no_such_url(request: Request, error: Exception) -> Response:
    if isinstance(error, ClientDisconnect):
        raise error
    message = f"Unrecognized request URL ({request.method}: {request.url.path[:200]})."
    return await _api_error(request, ApiError(404, message))
