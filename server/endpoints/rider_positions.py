"""Receives the positions of riders' phones, by the same rules as in the graph.

`POST /riders/positions` takes what `riderLocationsReport` takes, written as rows of numbers:
`[[latitude, longitude, ageSeconds, headingDegrees, speedMetersPerSecond, accuracyMeters], …]`, the
oldest first. The
last three may be null or left out. It is the most frequent request, so this endpoint parses no
GraphQL and creates no request object.
"""

import logging
from collections.abc import Iterable
from typing import Any

import orjson
from starlette.types import Message, Receive, Scope, Send

from database.audit import AuditContext
from models.message_text import number_text
from resolvers import prices
from resolvers.context import Context
from resolvers.delivery import riders
from resolvers.rules import RIDER
from server.auth.header_authenticator import HeaderAuthenticator
from server.endpoints.http_rejection import HttpRejection
from server.endpoints.paid_work import paying_caller
from server.errors import error_code, retry_after_of
from server.rate_limit.budgets import CallerBudgets
from server.transport.json_text import decode_json
from services.core.problems import DomainError, InvalidInput, InvalidTransition, NotFound, Problem
from services.core.request_batcher import ServiceOverloaded
from services.core.transient_errors import is_transient
from services.delivery.positions import position_validation
from services.delivery.positions.position_results import PositionReportResult
from services.delivery.positions.rider_positions import GpsReading
from workflows.delivery import position_ingest

log = logging.getLogger("darkstore.positions")

POSITIONS_PATH = "/riders/positions"
ACTION = "riderPositions"
MAX_BODY_BYTES = 16 * 1024
MIN_ROW_NUMBERS, MAX_ROW_NUMBERS = 3, 6
MALFORMED = f"Send rows of {MIN_ROW_NUMBERS} to {MAX_ROW_NUMBERS} numbers, as JSON."
HEADERS = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
STATUS: dict[type[Problem], int] = {
    NotFound: 404,
    InvalidTransition: 409,
    InvalidInput: 400,
    ServiceOverloaded: 503,
}


class RiderPositions:
    """An ASGI application: one report a request, answered by how much of it was accepted."""

    def __init__(self, authenticator: HeaderAuthenticator, budgets: CallerBudgets) -> None:
        self._authenticator = authenticator
        self._budgets = budgets

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            result = await self._report(scope, receive)
            status, body = 200, _success_body(result)
        except HttpRejection as rejected:
            status, body = rejected.status, rejected.body
        except DomainError as error:
            status, body = _problem_response(error.problems[0])
        except Exception as error:
            if not is_transient(error):
                log.exception("a report of positions failed")
            status, body = 503, _error_body("UNAVAILABLE", "Too much is going on: try again.")
        await _send(send, status, body)

    async def _report(self, scope: Scope, receive: Receive) -> PositionReportResult:
        context = await self._authenticate(scope)
        if scope["method"] != "POST":
            raise HttpRejection(405, "METHOD_NOT_ALLOWED", "Send positions by POST.")
        readings = _parse(await _read_body(receive))
        origin = AuditContext(ACTION, context.actor.person_id, context.address, context.request_id)
        result = await position_ingest.report_positions(
            context.container, actor=context.actor, origin=origin, readings=readings
        )
        await riders.publish_position(context.container, result.report)
        return result

    async def _authenticate(self, scope: Scope) -> Context:
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        client = scope["client"][0] if scope.get("client") else "unknown"
        context = await paying_caller(
            self._authenticator, self._budgets, headers, client, prices.POSITIONS
        )
        if (denied := RIDER.denial(context)) is not None:
            status = 403 if context.actor.signed_in else 401
            raise HttpRejection(status, denied.code, str(denied))
        return context


async def _read_body(receive: Receive) -> bytes:
    """The body, limited in bytes; the connection limits how long it takes."""
    body = b""
    while True:
        message: Message = await receive()
        if message["type"] == "http.disconnect":
            raise HttpRejection(400, "BAD_REQUEST", "The body did not arrive.")
        chunk: bytes = message.get("body", b"")
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            text = f"A report has at most {number_text(MAX_BODY_BYTES)} bytes."
            raise HttpRejection(413, "PAYLOAD_TOO_LARGE", text)
        if not message.get("more_body"):
            return body


def _parse(body: bytes) -> list[GpsReading]:
    try:
        rows = decode_json(body)
    except ValueError:
        raise HttpRejection(400, "BAD_REQUEST", MALFORMED) from None
    if not isinstance(rows, list) or len(rows) > position_validation.MAX_POINTS:
        text = f"Send 1 to {position_validation.MAX_POINTS} rows of numbers."
        raise HttpRejection(400, "BAD_REQUEST", text)
    return [_parse_row(row) for row in rows]


def _parse_row(row: object) -> GpsReading:
    if not isinstance(row, list) or not MIN_ROW_NUMBERS <= len(row) <= MAX_ROW_NUMBERS:
        raise HttpRejection(400, "BAD_REQUEST", MALFORMED)
    latitude, longitude, age, heading, speed, accuracy = (*row, None, None, None)[:MAX_ROW_NUMBERS]
    optional = [value for value in (heading, speed, accuracy) if value is not None]
    if not _are_numbers((latitude, longitude, age)) or not _are_numbers(optional):
        raise HttpRejection(400, "BAD_REQUEST", MALFORMED)
    return GpsReading(latitude, longitude, heading, speed, accuracy, age)


def _are_numbers(values: Iterable[object]) -> bool:
    return all(type(value) in (int, float) for value in values)  # a bool is an int, but no number


def _success_body(result: PositionReportResult) -> dict[str, Any]:
    return {
        "accepted": result.accepted,
        "ignored": [[point.index, point.reason] for point in result.ignored],
        "dropoffEtaSeconds": result.report.eta_seconds if result.report else None,
    }


def _problem_response(problem: Problem) -> tuple[int, dict[str, Any]]:
    """The status and the body for a problem that the service reports."""
    wait = retry_after_of(problem)
    body = _error_body(error_code(problem), problem.message) | {"path": problem.path} | wait
    return STATUS.get(type(problem), 429 if wait else 400), body


def _error_body(code: str, message: str) -> dict[str, Any]:
    return {"code": code, "message": message}


async def _send(send: Send, status: int, body: dict[str, Any]) -> None:
    encoded = orjson.dumps(body)
    headers = [*HEADERS, (b"content-length", str(len(encoded)).encode())]
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    if (retry := body.get("retryAfterSeconds")) is not None:
        headers.append((b"retry-after", str(retry).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": encoded})
