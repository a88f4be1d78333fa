"""One resource of Twilio's REST protocol, and an endpoint that lists the messages of a phone."""

import base64
import binascii
import hmac
import re
import secrets
from collections import deque
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

MESSAGES_COUNT = 10_000
PAGE_COUNT = 50
BODY_LIMIT_BYTES = 16 * 1024
TEXT_LIMIT_CHARS = 1600
PHONE = re.compile(r"^\+[1-9][0-9]{6,14}$")
UNREACHABLE = "+15005550001"  # Twilio's own magic number for an invalid recipient
MORE_INFO = "https://www.twilio.com/docs/errors/{}"


class SmsNetwork:
    """The messages of one account, the newest last, at most MESSAGES_COUNT."""

    def __init__(self, account: str, token: str) -> None:
        self.account = account
        self.token = token
        self.messages: deque[dict[str, Any]] = deque(maxlen=MESSAGES_COUNT)
        self.faults: deque[tuple[int, bool]] = deque()
        """Statuses of the next valid requests, and whether their messages are accepted."""

    def is_authorized(self, header: str) -> bool:
        """Whether HTTP Basic credentials are the account's."""
        scheme, _, given = header.partition(" ")
        try:
            credentials = base64.b64decode(given, validate=True)
        except (binascii.Error, ValueError):
            return False
        expected = f"{self.account}:{self.token}".encode()
        return scheme.lower() == "basic" and hmac.compare_digest(credentials, expected)

    def accept(self, form: dict[str, str]) -> dict[str, Any]:
        """Accept a message for sending, and answer it as Twilio shows it."""
        sid = "SM" + secrets.token_hex(16)
        message = {
            "sid": sid,
            "account_sid": self.account,
            "api_version": "2010-04-01",
            "body": form["Body"],
            "date_created": datetime.now(UTC).strftime("%a, %d %b %Y %H:%M:%S +0000"),
            "direction": "outbound-api",
            "error_code": None,
            "error_message": None,
            "from": form["From"],
            "num_segments": str(1 + len(form["Body"]) // 160),
            "status": "queued",
            "to": form["To"],
            "uri": f"/2010-04-01/Accounts/{self.account}/Messages/{sid}.json",
        }
        self.messages.append(message)
        return message


def build(account: str, token: str) -> Starlette:
    """The simulator of one account."""
    network = SmsNetwork(account, token)

    async def send(request: Request) -> Response:
        if not network.is_authorized(request.headers.get("authorization", "")):
            return _error(401, 20003, "Authenticate")
        if request.path_params["account"] != network.account:
            return _error(404, 20404, "The requested resource was not found")
        form = await _form(request)
        if form is None:
            return _error(413, 20413, "The request is too large")
        if (reason := _problem(form)) is not None:
            return _error(400, *reason)
        status, accepted = network.faults.popleft() if network.faults else (201, True)
        answer = network.accept(form) if accepted else {}
        return JSONResponse(answer, status) if status == 201 else _error(status, 20500, "Fault")

    async def script(request: Request) -> Response:
        body = await request.json()
        network.faults.append((int(body["status"]), bool(body.get("accepted"))))
        return JSONResponse({}, 201)

    async def messages(request: Request) -> Response:
        wanted = request.query_params.get("to")
        found = [one for one in reversed(network.messages) if wanted in (None, one["to"])]
        return JSONResponse({"messages": found[:PAGE_COUNT]})

    return Starlette(
        routes=[
            Route("/2010-04-01/Accounts/{account}/Messages.json", send, methods=["POST"]),
            Route("/_control/messages", messages, methods=["GET"]),
            Route("/_control/faults", script, methods=["POST"]),
        ]
    )


async def _form(request: Request) -> dict[str, str] | None:
    """The fields of the form, or None when it is too large to be one."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > BODY_LIMIT_BYTES:
            return None
    fields = parse_qs(body.decode(errors="replace"), keep_blank_values=True)
    return {name: values[0] for name, values in fields.items()}


def _problem(form: dict[str, str]) -> tuple[int, str] | None:
    to, text = form.get("To", ""), form.get("Body", "")
    if not to:
        return 21604, "A 'To' phone number is required."
    if not PHONE.match(to) or to == UNREACHABLE:
        return 21211, f"The 'To' number {to[:20]} is not a valid phone number."
    if not form.get("From"):
        return 21603, "A 'From' phone number is required."
    if not text:
        return 21602, "Message body is required."
    if len(text) > TEXT_LIMIT_CHARS:
        return 21617, "The concatenated message body exceeds the 1600 character limit."
    return None


def _error(status: int, code: int, message: str) -> Response:
    body = {"code": code, "message": message, "more_info": MORE_INFO.format(code), "status": status}
    return JSONResponse(body, status)
