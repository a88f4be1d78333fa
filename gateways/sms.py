"""Sends text messages: through Twilio's API, or to the log when no account is configured."""

import logging
from typing import Any, Protocol

import httpx

log = logging.getLogger("darkstore.sms")

API_BASE = "https://api.twilio.com"
CONNECT_TIMEOUT_SECONDS = 2.0
READ_TIMEOUT_SECONDS = 5.0
MAX_CONNECTIONS = 10
MAX_TEXT_LENGTH = 1600  # Twilio's limit.


class SmsError(Exception):
    """The message was not accepted for sending."""


class SmsRejected(SmsError):
    """The provider rejected this number or text; the same message will never be accepted."""

    def __init__(self, message: str, *, code: int | None = None) -> None:
        super().__init__(message)
        self.code = code


class SmsUnavailable(SmsError):
    """No answer, or a temporary error: the message may or may not have been accepted."""

    transient = True


class SmsSender(Protocol):
    """A channel for short texts to a phone."""

    async def send(self, phone: str, text: str) -> None:
        """Hand `text` over for `phone` (E.164); raises SmsRefused or SmsUnavailable."""

    async def close(self) -> None:
        """Close the connections."""


class LoggingSmsSender:
    """For development without an account: writes the message to the server's log."""

    async def send(self, phone: str, text: str) -> None:
        log.warning("SMS to %s: %s", phone, text)

    async def close(self) -> None:
        """Do nothing: there are no connections."""


class TwilioSmsSender:
    """Twilio's Messages resource (API version 2010-04-01) over one connection pool."""

    def __init__(self, *, account: str, token: str, sender: str, api_base: str = API_BASE) -> None:
        self._path = f"/2010-04-01/Accounts/{account}/Messages.json"
        self._sender = sender
        self._http = httpx.AsyncClient(
            base_url=api_base,
            auth=(account, token),
            timeout=httpx.Timeout(READ_TIMEOUT_SECONDS, connect=CONNECT_TIMEOUT_SECONDS),
            limits=httpx.Limits(max_connections=MAX_CONNECTIONS),
        )

    async def send(self, phone: str, text: str) -> None:
        form = {"To": phone, "From": self._sender, "Body": text[:MAX_TEXT_LENGTH]}
        try:
            response = await self._http.post(self._path, data=form)
        except httpx.HTTPError as error:
            raise SmsUnavailable("The SMS provider can't be reached.") from error
        if response.status_code == httpx.codes.CREATED:
            return
        details = _details(response)
        if response.status_code == httpx.codes.BAD_REQUEST:
            code = details.get("code")
            raise SmsRejected(str(details.get("message", "")), code=code)
        # Wrong settings or an overloaded provider: the message itself may be valid, so retry later.
        raise SmsUnavailable(f"The SMS provider answered {response.status_code}.")

    async def close(self) -> None:
        await self._http.aclose()


def _details(response: httpx.Response) -> dict[str, Any]:
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
