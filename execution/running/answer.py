"""What one execution answers, and its JSON."""

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
    """One response: `executed` is False when the request was refused before any field ran."""

    data: Any
    errors: list[dict[str, Any]] | None = None
    extensions: dict[str, Any] | None = None
    executed: bool = True
    cost: int = 0
    """The cost of the objects that were answered, in the units of `Engine.cost`."""
    shared: bool = False
    """Whether several subscribers get this very answer, so that its JSON is worth keeping."""
    framed: tuple[bytes, bytes] | None = field(default=None, repr=False, compare=False)
    """Where a wire keeps the last frame it made of a shared answer, beside what it made it for."""
    _json: bytes | None = field(default=None, init=False, repr=False, compare=False)

    def encode(self) -> bytes:
        """The response as JSON: data (absent for a request error), errors, extensions."""
        if not self.shared:
            return self._encoded()
        if self._json is None:
            self._json = self._encoded()
        return self._json

    def _encoded(self) -> bytes:
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
            # A scalar may hand out what orjson refuses (integers past 64 bits, lone surrogates,
            # keys that are no strings); the slow encoder of the standard library takes those.
            return json.dumps(body, default=str, separators=(",", ":")).encode()


def format_errors(errors: Iterable[GraphQLError], on_error: OnError | None) -> list[dict[str, Any]]:
    """Each error as the dictionary to send, by `on_error` when it gives one."""
    return [_format(error, on_error) for error in errors]


def _format(error: GraphQLError, on_error: OnError | None) -> dict[str, Any]:
    try:
        worded = on_error(error) if on_error is not None else None
        return worded or dict(error.formatted)
    except Exception:
        # Whoever words the errors has failed at it: say nothing of either error.
        return {"message": "Internal server error."}


def refusal(errors: Iterable[GraphQLError], on_error: OnError | None) -> Answer:
    """The answer to a request that is refused before execution, short whatever was sent."""
    room = REFUSAL_CHARACTERS
    formatted: list[dict[str, Any]] = []
    for error in format_errors(errors, on_error):
        if room <= 0:
            break
        message = str(error.get("message", ""))
        # Messages quote what was sent, which may be a megabyte.
        formatted.append({**error, "message": message if len(message) <= room else message[:room]})
        room -= len(message)
    return Answer(None, formatted, executed=False)
