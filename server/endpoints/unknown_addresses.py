"""Requests for an address or by a method that the server does not have; the client network pays."""

from http import HTTPStatus
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ExceptionHandler, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from server.endpoints.http_rejection import HttpRejection
from server.endpoints.paid_work import throttled
from server.rate_limit.budgets import CallerBudgets

MESSAGES = {
    HTTPStatus.NOT_FOUND: "There is nothing at this address.",
    HTTPStatus.METHOD_NOT_ALLOWED: "This address does not know the method.",
}


class UnknownAddresses:
    """Answers whatever no route does: the router's `default`, and its errors."""

    def __init__(self, budgets: CallerBudgets) -> None:
        self._budgets = budgets

    @property
    def handlers(self) -> dict[type[Exception], ExceptionHandler]:
        """The handlers for the errors that routes raise."""
        return {HTTPException: self._respond}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket":
            raise HTTPException(HTTPStatus.NOT_FOUND)
        self._budgets.charge_refusal(client_of(scope))
        await WebSocketClose()(scope, receive, send)

    def _respond(self, request: Request, error: Any) -> Response:
        if (rejected := self._budgets.charge_refusal(client_of(request.scope))) is not None:
            return throttled(rejected).response()
        status = HTTPStatus(error.status_code)
        message = MESSAGES.get(status, error.detail)
        response = HttpRejection(status, status.name, message).response()
        response.headers.update(error.headers or {})
        return response


def client_of(scope: Scope) -> str:
    """The address that a request is counted for."""
    client: tuple[str, int] | None = scope.get("client")
    return client[0] if client else "unknown"
