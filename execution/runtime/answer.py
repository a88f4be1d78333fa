"""The response to one operation or event, and its JSON encoding."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import orjson
from graphql import GraphQLError

REFUSAL_CHARACTERS = 500
OnError = Callable[[GraphQLError], dict[str, Any] | None]


@dataclass(slots=True)
class Answer:
    """One response; `executed` is False if the request was refused before any field ran."""

    data: Any
    errors: list[dict[str, Any]] | None = None
    extensions: dict[str, Any] | None = None
    executed: bool = True
    cost: int = 0
    """The cost of the objects returned, in the unit of `Engine.cost`."""
    shared: bool = False
    """True if several subscribers get this object, so that its JSON is worth caching."""
    cached_frame: tuple[bytes, bytes] | None = field(default=None, repr=False, compare=False)
    """The last frame that a transport encoded from a shared answer, after the frame's cache key."""
    _json: bytes | None = field(default=None, init=False, repr=False, compare=False)

    def encode(self) -> bytes:
        """The response as JSON: data (absent for a request error), errors, extensions."""
        if not self.shared:
            return self._encode()
        if self._json is None:
            self._json = self._encode()
        return self._json

    def _encode(self) -> bytes:
        body: dict[str, Any] = {}
        if self.executed:
            body["data"] = self.data
        if self.errors:
            body["errors"] = self.errors
        if self.extensions:
            body["extensions"] = self.extensions
        try:
            return orjson.dumps(body)
        except TypeError:
            # A scalar may return what orjson refuses (integers over 64 bits, lone surrogates,
            # keys that are not strings); the slower standard encoder accepts those.
            return json.dumps(body, default=str, separators=(",", ":")).encode()


def format_errors(errors: Iterable[GraphQLError], on_error: OnError | None) -> list[dict[str, Any]]:
    """Format each error as a dictionary, with `on_error` where it returns one."""
    return [_format(error, on_error) for error in errors]


def _format(error: GraphQLError, on_error: OnError | None) -> dict[str, Any]:
    try:
        formatted = on_error(error) if on_error is not None else None
        return formatted or dict(error.formatted)
    except Exception:
        # The error formatter itself failed: reveal nothing about either error.
        return {"message": "Internal server error."}


def refuse(errors: Iterable[GraphQLError], on_error: OnError | None) -> Answer:
    """The answer to a request refused before execution; its messages are cut to a fixed length."""
    remaining = REFUSAL_CHARACTERS
    formatted: list[dict[str, Any]] = []
    for error in format_errors(errors, on_error):
        if remaining <= 0:
            break
        message = str(error.get("message", ""))
        # Messages quote the input, which may be a megabyte.
        formatted.append({**error, "message": message[:remaining]})
        remaining -= len(message)
    return Answer(None, formatted, executed=False)
