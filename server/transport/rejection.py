"""Requests that never reach the executor, answered in the shape of a GraphQL error."""

from collections.abc import Mapping
from typing import Any

import orjson


class RequestRejected(Exception):
    """A rejected request: an HTTP status, a stable code and a sentence for the developer."""

    def __init__(
        self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})

    def body(self) -> bytes:
        """The GraphQL response that carries this one error and no data."""
        return orjson.dumps({"errors": single_error(self.code, self.message)})


def single_error(code: str, message: str) -> list[dict[str, Any]]:
    """A GraphQL error list of one entry."""
    return [{"message": message, "extensions": {"code": code}}]
