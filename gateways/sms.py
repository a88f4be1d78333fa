"""Text messages to phones: Twilio's protocol, or the log when no account is set."""

import logging
from typing import Any, Protocol

import httpx

log = logging.getLogger("darkstore.sms")

API_BASE = "https://api.twilio.com"
CONNECT_TIMEOUT_SECONDS = 2.0
READ_TIMEOUT_SECONDS = 5.0
MAX_CONNECTIONS_COUNT = 10
TEXT_MAX_CHARS = 1600  # Twilio takes no longer message.


class SmsFault(Exception):
    """The message was not accepted for sending."""


class SmsRefused(SmsFault):
    """The provider said no to this number or text; the same message will never be accepted."""

    def __init__(self, message: str, *, code: int | None = None) -> None:
        super().__init__(message)
        self.code = code


class SmsUnavailable(SmsFault):
    """No answer, or one that says to try again: the message may or may not have been accepted."""


class Sms(Protocol):
    """A channel that carries short texts to a phone."""

    async def send(self, phone: str, text: str) -> None:
        """Hand `text` over for `phone` (E.164); raises SmsRefused or SmsUnavailable."""

    async def close(self) -> None:
        """Let go of the connections."""


class LoggedSms:
    """For development without an account: the message stands in the server's log."""

    async def send(self, phone: str, text: str) -> None:
        log.warning("SMS to %s: %s", phone, text)

    async def close(self) -> None:
        """There is nothing to let go of."""


class TwilioSms:
    """Twilio's Messages resource (API version 2010-04-01), asked over one pool of connections."""

    def __init__(self, *, account: str, token: str, sender: str, api_base: str = API_BASE) -> None:
        self._path = f"/2010-04-01/Accounts/{account}/Messages.json"
        self._sender = sender
        self._http = httpx.AsyncClient(
            base_url=api_base,
            auth=(account, token),
            timeout=httpx.Timeout(READ_TIMEOUT_SECONDS, connect=CONNECT_TIMEOUT_SECONDS),
            limits=httpx.Limits(max_connections=MAX_CONNECTIONS_COUNT),
        )

    async def send(self, phone: str, text: str) -> None:
        form = {"To": phone, "From": self._sender, "Body": text[:TEXT_MAX_CHARS]}
        try:
            answer = await self._http.post(self._path, data=form)
        except httpx.HTTPError as error:
            raise SmsUnavailable("The SMS provider can't be reached.") from error
        if answer.status_code == httpx.codes.CREATED:
            return
        details = _details(answer)
        if answer.status_code in {400, 404}:
            code = details.get("code")
            raise SmsRefused(str(details.get("message", "")), code=code)
        # A wrong token or a busy provider says nothing about this message: ask again later.
        raise SmsUnavailable(f"The SMS provider answered {answer.status_code}.")

    async def close(self) -> None:
        await self._http.aclose()


def _details(answer: httpx.Response) -> dict[str, Any]:
    try:
        body = answer.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
