"""Answers are compressed by the encoding that their client accepts, by both ways of a request."""

import gzip
from collections.abc import Callable

import orjson
import pytest
import zstandard

from server.transport.http.compression import (
    GZIP,
    MIN_COMPRESSED_BYTES,
    ZSTD,
    compress,
    parse_accept_encoding,
)
from tests.server.transport.test_fast_path import ASGI, post, send_request
from tests.support.server.small_server import RunningServer

LONG = "long " * MIN_COMPRESSED_BYTES
DECOMPRESS: dict[str, Callable[[bytes], bytes]] = {
    GZIP: gzip.decompress,
    ZSTD: zstandard.decompress,
}


def hello(name: str) -> bytes:
    query = "query($name: String!) { hello(name: $name) }"
    return orjson.dumps({"query": query, "variables": {"name": name}})


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, None),
        ("", None),
        ("gzip", GZIP),
        ("x-gzip", GZIP),
        ("gzip, deflate, br, zstd", ZSTD),
        ("GZIP;q=1.0, zstd;q=0.5", GZIP),
        ("zstd;q=0, *", GZIP),
        ("*", ZSTD),
        ("*;q=0", None),
        ("br", None),
        ("gzip;q=0", None),
        ("gzip;q=0.5, identity", None),
        ("gzip;q=two", None),
        ("gzip;q=nan, zstd;q=-1", None),
        ("gzip;q=1.5", None),
        ("identity;q=0, gzip;q=0.1", GZIP),
        (",;,", None),
        ("deflate, " * 100 + "gzip", GZIP),
    ],
)
def test_the_encoding_is_chosen_by_weight_then_by_our_order(
    header: str | None, expected: str | None
) -> None:
    assert parse_accept_encoding(header) == expected


@pytest.mark.parametrize("encoding", [GZIP, ZSTD])
@pytest.mark.parametrize("way", [b"", ASGI], ids=["fast path", "asgi"])
async def test_a_long_answer_is_compressed(
    served: RunningServer, encoding: str, way: bytes
) -> None:
    """A phone on a slow network got a page of products as it is, 30 KB instead of 3."""
    accepts = b"accept-encoding: %b\r\n" % encoding.encode()
    _, headers, body = await send_request(served, post(hello(LONG), accepts + way))
    assert headers["content-encoding"] == encoding
    assert headers["vary"] == "accept, accept-encoding"
    assert len(body) < len(LONG) / 10
    assert orjson.loads(DECOMPRESS[encoding](body)) == {"data": {"hello": f"hello {LONG}"}}


@pytest.mark.parametrize("way", [b"", ASGI], ids=["fast path", "asgi"])
async def test_short_answers_and_clients_without_the_header_get_the_body_as_it_is(
    served: RunningServer, way: bytes
) -> None:
    for name, accepts in (
        ("you", b"accept-encoding: gzip\r\n"),
        (LONG, b"accept-encoding: br\r\n"),
        (LONG, b""),
    ):
        _, headers, body = await send_request(served, post(hello(name), accepts + way))
        assert "content-encoding" not in headers
        assert headers["vary"] == "accept, accept-encoding"
        assert orjson.loads(body) == {"data": {"hello": f"hello {name}"}}


def test_a_compressed_body_is_the_same_each_time() -> None:
    """gzip's head contains no time: equal answers are equal bytes."""
    body = LONG.encode()
    for encoding in (GZIP, ZSTD):
        assert compress(body, encoding) == compress(body, encoding)
        assert DECOMPRESS[encoding](compress(body, encoding)) == body
