"""`python -m server serve [--port N] [--host H]`: answer clients until stopped."""

import argparse
import asyncio
import logging
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import uvicorn
import uvloop

from server.app import ServerApplication, open_app
from server.logs import configure_logging
from server.settings import DEFAULT_PORT, Settings, read_settings
from server.transport.connections import LiveConnections
from server.transport.http.fast_path import fast_path_protocol
from server.transport.limits import MAX_FRAME_BYTES
from server.transport.listening_socket import configure_listening_socket
from server.transport.log_filter import ClientErrorFilter
from server.transport.security_headers import security_headers
from server.transport.uvicorn_internals.websocket_protocol import websocket_protocol

log = logging.getLogger("darkstore.server")

# Longer than a proxy or a client keeps a connection in its pool: neither finds it closed.
KEEP_ALIVE_SECONDS = 75
GRACEFUL_SECONDS = 20
FORCED_EXIT_CHECK_SECONDS = 0.05
NOTICE_SECONDS = 1.0
LAST_WRITES_SECONDS = 10.0  # for what closed sockets still have to write
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Serve; 0 when stopped by a signal. Raises BadSetting."""
    parser = argparse.ArgumentParser(prog="server serve")
    parser.add_argument("--port", type=_port, default=DEFAULT_PORT)
    parser.add_argument("--host", default="127.0.0.1")
    options = parser.parse_args(arguments)
    configure_logging()
    settings = read_settings(environment)
    uvloop.run(_serve(settings, options.host, options.port))
    return 0


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text[:6]) < 65_536:
        raise argparse.ArgumentTypeError(f"{text[:20]!r} is no number from 1 to 65535")
    return int(text)


async def _serve(settings: Settings, host: str, port: int) -> None:
    signals = StopSignals()
    with signals.captured():
        async with open_app(settings) as app:
            config = uvicorn_config(app, settings, host, port)
            logging.getLogger("uvicorn.error").addFilter(ClientErrorFilter())
            listening = config.bind_socket()
            configure_listening_socket(listening)
            server = DrainingServer(config, app.connections, settings.drain_seconds)
            signals.forward_to(server)
            await server.serve(sockets=[listening])


class StopSignals:
    """Receives SIGINT and SIGTERM from before the container opens until it is closed.

    By default a signal would end the process while it still opens or closes its connections.
    """

    def __init__(self) -> None:
        self._server: uvicorn.Server | None = None
        self._received = False

    @contextmanager
    def captured(self) -> Iterator[None]:
        """Handle the signals in the running loop until the block ends."""
        loop = asyncio.get_running_loop()
        for number in STOP_SIGNALS:
            loop.add_signal_handler(number, self._handle, number)
        try:
            yield
        finally:
            for number in STOP_SIGNALS:
                loop.remove_signal_handler(number)

    def forward_to(self, server: uvicorn.Server) -> None:
        """Stop this server at a signal, also at one that came before."""
        self._server = server
        server.should_exit = self._received

    def _handle(self, number: int) -> None:
        self._received = True
        if self._server is not None:
            self._server.handle_exit(number, None)


def uvicorn_config(
    app: ServerApplication, settings: Settings, host: str, port: int
) -> uvicorn.Config:
    """How uvicorn serves the application: its own log, headers and proxies are switched off."""
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        lifespan="off",
        # The protocols read the header of trusted proxies themselves.
        proxy_headers=False,
        http=fast_path_protocol(app.routes, ("origin",) if settings.origins else (), caps=app.caps),
        ws=websocket_protocol(app.caps),
        ws_ping_interval=None,
        ws_max_size=MAX_FRAME_BYTES,
        ws_per_message_deflate=False,
        access_log=False,
        log_config=None,
        server_header=False,
        headers=security_headers(development=settings.development),
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACEFUL_SECONDS,
    )


class DrainingServer(uvicorn.Server):
    """Stops gradually: first it reports to be not ready, then it closes sockets a few at a time."""

    def __init__(
        self, config: uvicorn.Config, connections: LiveConnections, spread_seconds: float
    ) -> None:
        super().__init__(config)
        self._connections = connections
        self._spread_seconds = spread_seconds

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to `StopSignals`: uvicorn would raise them again when it stopped."""
        yield

    async def shutdown(self, sockets: list[object] | None = None) -> None:  # type: ignore[override] # the list is passed on unread
        self._connections.begin_draining()
        if len(self._connections) and not self.force_exit:
            log.info("draining %d connections", len(self._connections))
            drained = asyncio.ensure_future(
                self._connections.drain(
                    spread_seconds=self._spread_seconds,
                    grace_seconds=LAST_WRITES_SECONDS,
                    notice_seconds=min(NOTICE_SECONDS, self._spread_seconds / 10),
                )
            )
            forced = asyncio.ensure_future(self._forced_exit())
            await asyncio.wait({drained, forced}, return_when=asyncio.FIRST_COMPLETED)
            drained.cancel()
            forced.cancel()
        await super().shutdown(sockets)  # type: ignore[arg-type] # passed on unread

    async def _forced_exit(self) -> None:
        """Return when a second signal asks to stop at once."""
        while not self.force_exit:  # noqa: ASYNC110 - uvicorn sets a plain attribute
            await asyncio.sleep(FORCED_EXIT_CHECK_SECONDS)
