"""A request that an endpoint beside the graph rejects, answered as JSON."""

from typing import Any

from starlette.responses import JSONResponse


class HttpRejection(Exception):
    """A rejected request: an HTTP status, a stable code, a sentence and further fields."""

    def __init__(self, status: int, code: str, message: str, **fields: Any) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"code": code, "message": message, **fields}

    def response(self) -> JSONResponse:
        """The response that says so."""
        headers = {"www-authenticate": "Bearer"} if self.status == 401 else {}
        if (wait := self.body.get("retryAfterSeconds")) is not None:
            headers["retry-after"] = str(wait)
        return JSONResponse(self.body, self.status, headers)
