"""Canonical fingerprints: equal arguments have the same one, however a client has written them."""

import json
from collections.abc import Mapping, Sequence, Set
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from enum import Enum
from hashlib import sha256
from typing import Any
from uuid import UUID


def fingerprint(arguments: object) -> bytes:
    """Return the SHA-256 of the arguments in canonical JSON.

    The order of an object's members, 41 or 41.0, a moment's time zone, and an input field that is
    left out or given its default make no difference. Raises TypeError for a value of an unknown
    type, whose text might differ between equal values.
    """
    return sha256(_json(canonical(arguments)).encode()).digest()


def canonical(value: Any) -> Any:
    """Return the value as plain JSON data that is equal for equal arguments."""
    if value is None or (isinstance(value, bool | int) and not isinstance(value, Enum)):
        return value
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, float | Decimal):
        return _canonical_number(value)
    if isinstance(value, str):
        return str(value)
    if isinstance(value, datetime):
        return (value.astimezone(UTC) if value.tzinfo else value).isoformat()
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, bytes):
        return value.hex()
    return _canonical_collection(value)


def _canonical_collection(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        given = ((each.name, getattr(value, each.name), each) for each in fields(value))
        return {name: canonical(item) for name, item, each in given if not _left_out(each, item)}
    if isinstance(value, Mapping):
        return {str(name): canonical(item) for name, item in value.items()}
    if isinstance(value, Set):
        return sorted((canonical(item) for item in value), key=_json)
    if isinstance(value, Sequence):
        return [canonical(item) for item in value]
    raise TypeError(f"no canonical form of {type(value).__name__} is known")


def _canonical_number(value: float | Decimal) -> int | str:
    """An integer for a whole number, so that 41.0 is 41; otherwise the shortest exact text."""
    if value != value or value in (float("inf"), float("-inf")):
        return str(value)
    whole = int(value)
    if whole == value:
        return whole
    return str(value.normalize()) if isinstance(value, Decimal) else repr(value)


def _left_out(each: "Field[Any]", value: Any) -> bool:
    """Whether a field has its default: then it makes no difference whether it was sent."""
    if each.default is not MISSING:
        return value is each.default or (
            type(value) is type(each.default) and value == each.default
        )
    if each.default_factory is not MISSING:
        return bool(value == each.default_factory())
    return False


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
