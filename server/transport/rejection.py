"""Requests that never reach the executor, answered in the shape of a GraphQL error."""

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

import orjson


class RequestRejected(Exception):
    """A rejected request: an HTTP status, a stable code and a sentence for the developer.

    `retry_after_seconds` is told in the header and in the body; a 429 always has it.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        headers: Mapping[str, str] | None = None,
        *,
        retry_after_seconds: int | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})
        self.retry_after_seconds = retry_after_seconds
        if retry_after_seconds is not None:
            self.headers["retry-after"] = str(retry_after_seconds)

    def errors(self) -> list[dict[str, Any]]:
        """The error as GraphQL writes it."""
        return single_error(self.code, self.message, self.retry_after_seconds)

    def body(self) -> bytes:
        """The GraphQL response that carries this one error and no data."""
        return orjson.dumps({"errors": self.errors()})


def single_error(
    code: str, message: str, retry_after_seconds: int | None = None
) -> list[dict[str, Any]]:
    """A GraphQL error list of one entry, with the seconds to wait if waiting helps."""
    extensions: dict[str, Any] = {"code": code}
    if retry_after_seconds is not None:
        extensions["retryAfterSeconds"] = retry_after_seconds
    return [{"message": message, "extensions": extensions}]


def encode_refusal(rejected: RequestRejected, lines: Iterable[tuple[bytes, bytes]]) -> bytes:
    """The response that refuses a connection, with the header lines of every response."""
    own = [(name.encode(), value.encode()) for name, value in rejected.headers.items()]
    head = b"".join(b"%b: %b\r\n" % line for line in (*lines, *own))
    body = rejected.body()
    return (
        b"HTTP/1.1 %d %b\r\n%bcontent-type: application/json; charset=utf-8\r\n"
        b"cache-control: no-store\r\n"
        b"content-length: %d\r\nconnection: close\r\n\r\n%b"
    ) % (rejected.status, HTTPStatus(rejected.status).phrase.encode(), head, len(body), body)
