"""What is remembered of a request's head, and which requests are known by it."""

import pytest

from server.transport.http.request import HEAD_KEPT_BYTES, SHORT_BODY_BYTES, Head, KnownHead

BODY = b'{"query": "{ hello }"}'
LINES = b"POST /graphql HTTP/1.1\r\nhost: here\r\nContent-Length: %d\r\nx-more: 1\r\n\r\n%b"


def request(body: bytes = BODY, said: int | None = None) -> bytes:
    return LINES % (len(body) if said is None else said, body)


def known() -> KnownHead:
    """What a connection remembers of the usual request."""
    found = KnownHead.of(Head({}), request(), BODY)
    assert found is not None
    return found


@pytest.mark.parametrize("body", [BODY, b"", b"{}", b"x" * SHORT_BODY_BYTES])
def test_a_request_with_the_same_head_is_known_whatever_its_length(body: bytes) -> None:
    assert known().body_of(request(body)) == body


@pytest.mark.parametrize(
    "data",
    [
        request(said=len(BODY) - 1),
        request(said=len(BODY) + 1),
        request() + request(),
        request() + b"\r\n",
        request()[:-1],
        request()[:60],
        b"\r\n" + request(),
        request(b"x" * (SHORT_BODY_BYTES + 1)),
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
def test_what_differs_by_anything_else_is_left_to_the_parser(data: bytes) -> None:
    assert known().body_of(data) is None


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
        (request(said=5), BODY),
        (request().replace(b": 22", b":22"), BODY),
        (request().replace(b"x-more: 1", b"x-more: " + b"1" * HEAD_KEPT_BYTES), BODY),
    ],
    ids=range(8),
)
def test_a_head_that_could_be_read_otherwise_is_not_remembered(data: bytes, body: bytes) -> None:
    assert KnownHead.of(Head({}), data, body) is None
