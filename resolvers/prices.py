"""The price list: what each kind of work costs its caller, in units of the rate limits.

A field of an answer costs one unit, which buys about five microseconds of CPU. Whatever costs more
than its number of fields has its price here: no caller may get twenty times the CPU of a caller of
the storefront for the same units. `python -m benchmarks.prices` measures it; docs/limits.md shows
the list to clients.
"""

import re
from collections.abc import Mapping

OPERATION = 10
"""The least that an operation costs, also one that is refused for its variables or scopes."""
ROOT_FIELDS: Mapping[str, int] = {"query": 15, "mutation": 80, "subscription": 80}
"""What a root field costs by itself, by its operation type: authentication, statements, commit."""

FIELDS: Mapping[str, int] = {
    "Query.webhookPreview": 40,
    "Mutation.passwordSignIn": 900,
    "Mutation.passwordReset": 900,
    "Mutation.passwordChange": 1_800,
    "Mutation.emailSignUpComplete": 900,
    "Mutation.invitationAccept": 900,
    "Mutation.storeZoneSet": 300,
    "Mutation.fileUploadComplete": 15_000,
}
"""The fields that cost otherwise, by type and field: for a password hash, for a picture, which is
decoded and encoded anew, or for PostGIS, which checks and simplifies a zone; the points of a zone
are paid for by the size of the request."""

DOCUMENT = 20
"""A document that this process has not prepared yet, valid or not, before it is parsed."""
DOCUMENT_TOKEN = 1
"""Each of its tokens: words, signs and numbers."""
PLAN = 20
"""A plan that is compiled: a document has one for each combination of its conditions."""
PLAN_TOKEN = 1
FREE_REQUEST_BYTES = 2_048
REQUEST_KILOBYTE = 20
"""Each further kilobyte of a request: parsed, checked, coerced and written."""
SIGNAL = 5
"""A frame of a socket without an operation, beyond those that keep it open."""
SIGNAL_BYTES_PER_UNIT = 512
REFUSED_REQUEST = 10
"""A request that is refused for its form before its caller is known; the client network pays."""
FAILED_AUTHENTICATION = 20
"""A token, key or signature that is not valid; the client network pays."""

ACCESS_TOKEN = 70
"""An access token for an app, paid by the app."""
POSITIONS = 100
"""A report of a rider's positions."""
PDF = 600
"""A document for printing."""
PDF_LINE = 10
DOWNLOAD = 60
DOWNLOAD_PAGE = 400
"""Each thousand rows of a download."""
UPLOAD = 100
UPLOAD_KILOBYTES_PER_UNIT = 4

_TOKEN = re.compile(r"\w+|[^\w\s,]")


def field_price(type_name: str, field: str, operation: str) -> int:
    """What a root field costs by itself."""
    return FIELDS.get(f"{type_name}.{field}", ROOT_FIELDS[operation])


def document_price(text: str) -> int:
    """What it costs to parse and validate a document. Counts tokens without a parser."""
    return DOCUMENT + DOCUMENT_TOKEN * count_tokens(text)


def plan_price(tokens: int) -> int:
    """What it costs to compile an operation of a document with so many tokens."""
    return PLAN + PLAN_TOKEN * tokens


def request_price(size_bytes: int) -> int:
    """What a request costs for its size."""
    beyond = max(0, size_bytes - FREE_REQUEST_BYTES)
    return REQUEST_KILOBYTE * -(-beyond // 1_024)


def signal_price(size_bytes: int) -> int:
    """What a frame of a socket without an operation costs."""
    return SIGNAL + size_bytes // SIGNAL_BYTES_PER_UNIT


def upload_price(size_bytes: int) -> int:
    """What an uploaded file costs."""
    return UPLOAD + size_bytes // (UPLOAD_KILOBYTES_PER_UNIT * 1_024)


def count_tokens(text: str) -> int:
    """At least the number of tokens of a document; a text in it counts by its words."""
    return sum(1 for _ in _TOKEN.finditer(text))
