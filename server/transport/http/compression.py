"""Compresses the bodies of responses by the encoding that a client accepts.

Only answers of the graph: they are text, and no cookie authenticates their requests, so that a
foreign page can't measure the length of another's answer. Events of streams are short and are sent
as they are.
"""

import zlib
from functools import lru_cache

import zstandard

from server.transport.http.accept import (
    CACHED_HEADERS_COUNT,
    MAX_CACHED_HEADER_CHARS,
    value_and_weight,
)

MIN_COMPRESSED_BYTES = 1024
"""Shorter bodies fit into one packet: compressing them saves nothing that a client notices."""
ZSTD, GZIP = "zstd", "gzip"
PREFERRED = (ZSTD, GZIP)
"""Our order among encodings of equal weight: zstd takes a third of gzip's CPU."""
ZSTD_LEVEL = 1
GZIP_LEVEL = 1
_GZIP_WINDOW = 31
"""15 bits of window, and 16 for gzip's header and checksum."""


def parse_accept_encoding(header: str | None) -> str | None:
    """Choose an encoding by the Accept-Encoding header; None for the body as it is (RFC 9110)."""
    if not header:
        return None
    return _cached(header) if len(header) <= MAX_CACHED_HEADER_CHARS else _parse(header)


def compress(body: bytes, encoding: str) -> bytes:
    """Compress a body at once; the encoding is one of PREFERRED."""
    if encoding == ZSTD:
        return _ZSTD.compress(body)
    compressor = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, _GZIP_WINDOW)
    return compressor.compress(body) + compressor.flush()


def _parse(header: str) -> str | None:
    weights: dict[str, float] = {}
    for part in header.split(","):
        name, weight = value_and_weight(part)
        weights[GZIP if name == "x-gzip" else name] = weight
    others = weights.get("*", 0.0)
    chosen = max(PREFERRED, key=lambda encoding: weights.get(encoding, others))
    best = weights.get(chosen, others)
    # A client that prefers the body as it is names identity with a higher weight.
    return chosen if best > 0 and best >= weights.get("identity", 0.0) else None


_ZSTD = zstandard.ZstdCompressor(level=ZSTD_LEVEL)
# All clients together send only a few different headers.
_cached = lru_cache(CACHED_HEADERS_COUNT)(_parse)
