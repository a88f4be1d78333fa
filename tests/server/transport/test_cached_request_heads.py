"""Which request heads are cached, and which requests match a cached head."""

import pytest

from server.transport.http.fast_request import (
    MAX_CACHED_HEAD_BYTES,
    MAX_FAST_BODY_BYTES,
    CachedRequestHead,
    RequestHead,
)

BODY = b'{"query": "{ hello }"}'
LINES = b"POST /graphql HTTP/1.1\r\nhost: here\r\nContent-Length: %d\r\nx-more: 1\r\n\r\n%b"


def request(body: bytes = BODY, length: int | None = None) -> bytes:
    return LINES % (len(body) if length is None else length, body)


def cached() -> CachedRequestHead:
    """The cached head of a usual request."""
    head = CachedRequestHead.of(RequestHead({}, "here"), request(), BODY)
    assert head is not None
    return head


@pytest.mark.parametrize("body", [BODY, b"", b"{}", b"x" * MAX_FAST_BODY_BYTES])
def test_a_request_with_an_equal_head_matches_whatever_its_length(body: bytes) -> None:
    assert cached().body_of(request(body)) == body


@pytest.mark.parametrize(
    "data",
    [
        request(length=len(BODY) - 1),
        request(length=len(BODY) + 1),
        request() + request(),
        request() + b"\r\n",
        request()[:-1],
        request()[:60],
        b"\r\n" + request(),
        request(b"x" * (MAX_FAST_BODY_BYTES + 1)),
        request().replace(b"x-more: 1", b"x-more: 2"),
        request().replace(b"x-more", b"X-more"),
        request().replace(b"here", b"there"),
        request().replace(b"Content-Length: 22", b"Content-Length: +22"),
        request().replace(b"Content-Length: 22", b"Content-Length:  22"),
        request().replace(b"Content-Length: 22", b"Content-Length: 22 "),
        request().replace(b"Content-Length: 22", b"Content-Length: 0x16"),
        request().replace(b"Content-Length: 22", b"Content-Length: 000022"),
        request().replace(b"Content-Length: 22", "Content-Length: ²²".encode()),
        request().replace(b"Content-Length: 22\r\n", b"Content-Length: 22\n"),
    ],
    ids=range(18),
)
def test_any_other_difference_is_left_to_the_parser(data: bytes) -> None:
    assert cached().body_of(data) is None


@pytest.mark.parametrize(
    ("data", "body"),
    [
        (request().replace(b"\r\n", b"\n"), BODY),
        (
            request().replace(b"here\r\n", b"here\r\n there\r\n").replace(b"\r\nx-more", b"\nx"),
            BODY,
        ),
        (b"\r\n" + request(), BODY),
        (request() + b"\r\n", BODY),
        (request() + request(), BODY),
        (request(length=5), BODY),
        (request().replace(b": 22", b":22"), BODY),
        (request().replace(b"x-more: 1", b"x-more: " + b"1" * MAX_CACHED_HEAD_BYTES), BODY),
    ],
    ids=range(8),
)
def test_an_ambiguous_head_is_not_cached(data: bytes, body: bytes) -> None:
    assert CachedRequestHead.of(RequestHead({}, "here"), data, body) is None
