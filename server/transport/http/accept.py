"""Which media type answers a request, by its Accept header."""

import re
from dataclasses import dataclass
from functools import lru_cache

RESPONSE_JSON = "application/graphql-response+json"
LEGACY_JSON = "application/json"
EVENT_STREAM = "text/event-stream"
MULTIPART = "multipart/mixed"
# Others mean deferred parts of one answer by the same media type, which is another protocol.
_SPEC = re.compile(r';\s*subscriptionSpec\s*=\s*"?1\.0"?', re.IGNORECASE)
ACCEPTS_KEPT = 256
ACCEPT_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Accepted:
    """What the caller can read: a JSON type or none, and which kinds of streams it named."""

    json: str | None
    events: bool
    parts: bool = False


def accepted(header: str | None) -> Accepted:
    """Answer the best JSON type for an Accept header; equal weights keep the caller's order.

    A missing header and wildcards mean application/json, as GraphQL over HTTP asks. Event streams
    must be named: a caller of anything-goes would wait forever for the end of a stream.
    """
    if header is None or not header.strip():
        return USUAL
    return _known(header) if len(header) <= ACCEPT_LENGTH else _accepted(header)


def _accepted(header: str) -> Accepted:
    best, best_weight, events, parts = None, 0.0, False, False
    for part in header.split(","):
        media, weight = _weighed(part)
        if media == EVENT_STREAM:
            events = events or weight > 0
        if media == MULTIPART:
            parts = parts or (weight > 0 and _SPEC.search(part) is not None)
        json = RESPONSE_JSON if media == RESPONSE_JSON else LEGACY_JSON
        if media in _JSON_RANGES and weight > best_weight:
            best, best_weight = json, weight
    return Accepted(best, events, parts)


USUAL = Accepted(LEGACY_JSON, events=False)
# Clients have a few headers of this kind between them.
_known = lru_cache(ACCEPTS_KEPT)(_accepted)
_JSON_RANGES = frozenset({RESPONSE_JSON, LEGACY_JSON, "application/*", "*/*"})


def _weighed(part: str) -> tuple[str, float]:
    media, *parameters = [piece.strip().lower() for piece in part.split(";")]
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            return media, _weight(value.strip())
    return media, 1.0


def _weight(text: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        return 0.0
    # NaN compares false with everything, so it falls out here too.
    return weight if 0.0 <= weight <= 1.0 else 0.0
