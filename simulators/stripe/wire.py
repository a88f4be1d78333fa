"""Stripe's wire format: form bodies with nested keys, error objects, ids."""

import secrets
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl

BODY_LIMIT_BYTES = 64 * 1024
FIELDS_LIMIT_COUNT = 500
NESTING_LIMIT_LEVELS = 5
METADATA_LIMIT_KEYS = 50
METADATA_VALUE_LIMIT_CHARS = 500
API_VERSION = "2026-10-28.endive"

Body = dict[str, Any]


class ApiError(Exception):
    """An answer other than 200; `begun` says that the endpoint had started, so it is replayed."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = "invalid_request_error",
        begun: bool = False,
        **details: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.begun = begun
        filled = {name: value for name, value in details.items() if value is not None}
        if code := filled.get("code"):
            filled["doc_url"] = f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}"
        self.body: Body = {"error": {**filled, "message": message, "type": kind}}


def new_id(prefix: str) -> str:
    """An id like Stripe's: a prefix and random letters."""
    return f"{prefix}_{secrets.token_hex(12)}"


def parse_form(body: bytes) -> Body:
    """Read `a[b][c]=1` and `a[0]=1` into dictionaries and lists; raises ApiError."""
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=FIELDS_LIMIT_COUNT)
    except ValueError as error:
        raise ApiError(400, "The body isn't a readable form.") from error
    tree: Body = {}
    for name, value in pairs:
        _plant(tree, _path(name), value)
    return {name: _with_lists(value) for name, value in tree.items()}


def _path(name: str) -> list[str]:
    head, *rest = name.split("[")
    if len(rest) >= NESTING_LIMIT_LEVELS or not head or any(part[-1:] != "]" for part in rest):
        raise ApiError(400, f"Invalid parameter name: {name[:100]}", param=name[:100])
    return [head, *(part[:-1] for part in rest)]


def _plant(tree: Body, path: list[str], value: str) -> None:
    for step in path[:-1]:
        tree = tree.setdefault(step, {})
        if not isinstance(tree, dict):
            raise ApiError(400, "Invalid object", param=path[0])
    # `a[]` has no number: each one is the next.
    leaf = path[-1] or str(len(tree))
    if isinstance(tree.get(leaf), dict):
        raise ApiError(400, "Invalid object", param=path[0])
    tree[leaf] = value


def _with_lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if value and all(key.isascii() and key.isdigit() for key in value):
        return [_with_lists(value[key]) for key in sorted(value, key=lambda key: int(key[:9]))]
    return {key: _with_lists(each) for key, each in value.items()}


def allow(params: Mapping[str, Any], names: Iterable[str]) -> None:
    """Reject parameters that the endpoint does not know."""
    for name in params.keys() - set(names) - {"expand", "key", "client_secret"}:
        raise ApiError(
            400, f"Received unknown parameter: {name[:100]}", code="parameter_unknown", param=name
        )


def text(params: Mapping[str, Any], name: str) -> str | None:
    """Read a string; an empty one counts as absent."""
    value = params.get(name)
    if value is not None and not isinstance(value, str):
        raise ApiError(400, f"Invalid string: {name}", param=name)
    return value or None


def required(params: Mapping[str, Any], name: str) -> str:
    """Read a required string."""
    if (value := text(params, name)) is None:
        raise ApiError(
            400, f"Missing required param: {name}.", code="parameter_missing", param=name
        )
    return value


def choice(params: Mapping[str, Any], name: str, choices: tuple[str, ...]) -> str | None:
    """Read one of the given words."""
    value = text(params, name)
    if value is not None and value not in choices:
        raise ApiError(400, f"Invalid {name}: must be one of {', '.join(choices)}", param=name)
    return value


def flag(params: Mapping[str, Any], name: str) -> bool:
    """Read true or false."""
    return choice(params, name, ("true", "false", "True", "False")) in {"true", "True"}


def positive(params: Mapping[str, Any], name: str) -> int | None:
    """Read a whole number above zero."""
    value = text(params, name)
    if value is None:
        return None
    if not (value.isascii() and value.isdigit() and len(value) <= 12 and int(value) > 0):
        raise ApiError(
            400,
            f"Invalid positive integer: {value[:50]}",
            code="parameter_invalid_integer",
            param=name,
        )
    return int(value)


def metadata(params: Mapping[str, Any]) -> dict[str, str]:
    """Read the free key-value pairs; limits are Stripe's."""
    pairs = params.get("metadata") or {}
    if not isinstance(pairs, dict) or len(pairs) > METADATA_LIMIT_KEYS:
        raise ApiError(400, "Invalid metadata", param="metadata")
    for key, value in pairs.items():
        if not isinstance(value, str) or len(value) > METADATA_VALUE_LIMIT_CHARS or len(key) > 40:
            raise ApiError(400, f"Invalid metadata: {key[:40]}", param=f"metadata[{key[:40]}]")
    return pairs
