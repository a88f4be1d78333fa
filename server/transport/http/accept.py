"""Chooses the media type of a response by the request's Accept header."""

import re
from dataclasses import dataclass
from functools import lru_cache

RESPONSE_JSON = "application/graphql-response+json"
LEGACY_JSON = "application/json"
EVENT_STREAM = "text/event-stream"
MULTIPART = "multipart/mixed"
# Without it the media type means deferred parts of one answer, which is another protocol.
_SPEC = re.compile(r';\s*subscriptionSpec\s*=\s*"?1\.0"?', re.IGNORECASE)
CACHED_HEADERS_COUNT = 256
MAX_CACHED_HEADER_CHARS = 200


@dataclass(frozen=True, slots=True)
class AcceptedMedia:
    """What the client can read: a JSON type or None, and which kinds of streams it named."""

    json: str | None
    events: bool
    parts: bool = False


def parse_accept(header: str | None) -> AcceptedMedia:
    """Choose the best JSON type for an Accept header; equal weights keep the client's order.

    A missing header and wildcards mean application/json, as GraphQL over HTTP asks. Event streams
    must be named: a client that accepts anything would wait for the end of a stream.
    """
    if header is None or not header.strip():
        return DEFAULT_MEDIA
    return _cached(header) if len(header) <= MAX_CACHED_HEADER_CHARS else _parse(header)


def _parse(header: str) -> AcceptedMedia:
    best, best_weight, events, parts = None, 0.0, False, False
    for part in header.split(","):
        media, weight = value_and_weight(part)
        if media == EVENT_STREAM:
            events = events or weight > 0
        if media == MULTIPART:
            parts = parts or (weight > 0 and _SPEC.search(part) is not None)
        json = RESPONSE_JSON if media == RESPONSE_JSON else LEGACY_JSON
        if media in _JSON_RANGES and weight > best_weight:
            best, best_weight = json, weight
    return AcceptedMedia(best, events, parts)


DEFAULT_MEDIA = AcceptedMedia(LEGACY_JSON, events=False)
# All clients together send only a few different headers.
_cached = lru_cache(CACHED_HEADERS_COUNT)(_parse)
_JSON_RANGES = frozenset({RESPONSE_JSON, LEGACY_JSON, "application/*", "*/*"})


def value_and_weight(part: str) -> tuple[str, float]:
    """The value of one part of an Accept header of any kind in lower case, and its weight."""
    accepted, *parameters = [piece.strip().lower() for piece in part.split(";")]
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            return accepted, _weight(value.strip())
    return accepted, 1.0


def _weight(text: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        return 0.0
    # NaN compares false with everything, so it counts as 0 too.
    return weight if 0.0 <= weight <= 1.0 else 0.0
