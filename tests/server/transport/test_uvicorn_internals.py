"""The internals of uvicorn that the server relies on still are what they were.

Checked against uvicorn 0.54.0. When an upgrade breaks one of these tests, read the changed protocol
of uvicorn, mend `server/transport/uvicorn_internals`, and set the checked version there and here.
"""

import asyncio
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from uvicorn.protocols.http import httptools_impl
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState

from server.transport.uvicorn_internals import CHECKED_VERSION
from server.transport.uvicorn_internals.chunked_writer import CycleStandIn
from server.transport.uvicorn_internals.http_protocol import HttpProtocol
from server.transport.uvicorn_internals.websocket_protocol import DirectWebSocket

REQUEST = (
    b"POST /graphql HTTP/1.1\r\nhost: here\r\naccept: text/event-stream\r\n"
    b"content-length: 2\r\n\r\n{}"
)
UPGRADE = (
    b"GET / HTTP/1.1\r\nhost: here\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
    b"sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
HTTP_SOURCE = Path(httptools_impl.__file__).read_text()
HTTP_ATTRIBUTES = (
    "client", "cycle", "flow", "headers", "limit_concurrency", "loop", "parser", "scope",
    "pipeline", "server_state", "tasks", "timeout_keep_alive", "transport", "url",
)  # fmt: skip
HTTP_METHODS = (
    "_unset_keepalive_if_required", "connection_lost", "data_received", "on_body",
    "on_headers_complete", "on_message_begin", "on_message_complete", "on_response_complete",
    "_start_asgi_task", "connection_made", "handle_websocket_upgrade", "pause_writing",
    "resume_writing", "send_400_response", "timeout_keep_alive_handler",
)  # fmt: skip
CYCLE_ATTRIBUTES = (
    "chunked_encoding", "disconnected", "keep_alive", "message_event", "response_complete",
    "response_started", "scope",
)  # fmt: skip
# What uvicorn's protocol itself reads, sets and calls on its cycle.
CYCLE_USES = ("disconnected", "keep_alive", "message_event", "more_body", "response_complete")
WEBSOCKET_ATTRIBUTES = (
    "app", "close_sent", "close_timeout", "close_timer", "conn", "disconnected", "logger", "loop",
    "queue", "read_paused", "request", "response", "scope", "transport", "writable",
)  # fmt: skip
WEBSOCKET_METHODS = (
    "connection_lost", "handle_connect", "handle_ping", "receive", "resume_writing", "run_asgi",
    "send",
)  # fmt: skip


class FakeTransport(asyncio.Transport):
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""

    def write(self, data: Any) -> None:
        self.written += bytes(data)

    def is_closing(self) -> bool:
        return False

    def close(self) -> None:
        """Do nothing."""

    def pause_reading(self) -> None:
        """Do nothing."""


async def wait_forever(scope: Any, receive: Any, send: Any) -> None:
    await asyncio.Event().wait()


def connect(protocol_class: Any, data: bytes) -> Any:
    """A protocol of uvicorn that has received some bytes."""
    config = uvicorn.Config(wait_forever, log_config=None, lifespan="off")
    state = ServerState()
    protocol = protocol_class(config=config, server_state=state, app_state={})
    protocol.connection_made(FakeTransport())
    protocol.data_received(data)
    for task in state.tasks:
        task.cancel()
    return protocol


def check_names(owner: object, names: Iterable[str], described: str) -> None:
    missing = [name for name in names if not hasattr(owner, name)]
    if missing:
        pytest.fail(
            f"uvicorn {version('uvicorn')} has no {', '.join(missing)} in {described} any more:"
            f" see server/transport/uvicorn_internals (checked against {CHECKED_VERSION})"
        )


def test_the_installed_version_is_the_checked_one() -> None:
    installed = version("uvicorn")
    assert installed == CHECKED_VERSION, (
        f"uvicorn was upgraded from {CHECKED_VERSION} to {installed}: run tests/server/transport,"
        " compare uvicorn's protocols, and set CHECKED_VERSION in"
        " server/transport/uvicorn_internals"
    )


async def test_the_http_protocol_has_the_attributes_that_are_used() -> None:
    protocol = connect(HttpToolsProtocol, REQUEST)
    check_names(protocol, HTTP_ATTRIBUTES, "HttpToolsProtocol")
    check_names(protocol, HTTP_METHODS, "HttpToolsProtocol")
    check_names(protocol.cycle, CYCLE_ATTRIBUTES, "RequestResponseCycle")
    check_names(protocol.flow, ("write_paused", "drain"), "FlowControl")
    check_names(protocol.server_state, ("default_headers", "total_requests"), "ServerState")
    assert isinstance(protocol.flow, FlowControl)
    assert protocol.scope is protocol.cycle.scope
    assert protocol.headers == [
        (b"host", b"here"),
        (b"accept", b"text/event-stream"),
        (b"content-length", b"2"),
    ]


async def test_a_stand_in_has_all_that_the_protocol_uses_of_a_cycle() -> None:
    used = {name for name in CYCLE_USES if f"cycle.{name}" in HTTP_SOURCE}
    stand_in = CycleStandIn(keep_alive=True)
    check_names(stand_in, used, "CycleStandIn")
    assert used == set(CYCLE_USES), (
        f"uvicorn {version('uvicorn')} uses its cycle in another way:"
        " see server/transport/uvicorn_internals/chunked_writer.py"
    )
    protocol = connect(HttpProtocol, REQUEST)
    protocol.cycle = stand_in
    protocol.connection_lost(None)
    assert stand_in.disconnected


async def test_the_websocket_protocol_has_the_attributes_that_are_used() -> None:
    protocol = connect(WebSocketsSansIOProtocol, UPGRADE)
    check_names(protocol, WEBSOCKET_ATTRIBUTES, "WebSocketsSansIOProtocol")
    check_names(protocol, WEBSOCKET_METHODS, "WebSocketsSansIOProtocol")
    check_names(protocol.conn, ("send_close", "data_to_send"), "ServerProtocol of websockets")
    assert protocol.response.status_code == 101
    assert protocol.queue.get_nowait() == {"type": "websocket.connect"}
    assert protocol.scope["extensions"] is not None


async def test_an_attached_socket_passes_texts_to_its_listener_without_a_task() -> None:
    class Listener:
        texts: list[str] = []  # noqa: RUF012 - one listener only

        def on_text(self, text: str) -> None:
            self.texts.append(text)

        def on_binary(self) -> None:
            """Not called here."""

        def on_writable(self) -> None:
            """Not called here."""

        def on_disconnect(self) -> None:
            """Not called here."""

    protocol = connect(DirectWebSocket, UPGRADE)
    protocol.queue.get_nowait()
    protocol.handshake_complete = True
    listener = Listener()
    protocol.transport.set_write_buffer_limits = lambda **_: None
    protocol.attach(listener)
    protocol.data_received(b"\x81\x82\x00\x00\x00\x00hi")
    assert listener.texts == ["hi"]
