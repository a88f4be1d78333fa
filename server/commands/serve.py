"""`python -m server serve [--port N] [--host H]`: answer clients until told to stop."""

import argparse
import asyncio
import logging
import sys
from collections.abc import Mapping, Sequence

import uvicorn
from starlette.applications import Starlette

from server.app import build_app
from server.logs import set_up_logs
from server.settings import DEFAULT_PORT, BadSetting, Settings, settings_of
from server.transport import (
    FRAME_MAX_BYTES,
    DirectSocket,
    StrangersNoise,
    short_way,
    tune_listening,
)

log = logging.getLogger("darkstore.server")

# Longer than a proxy or a client keeps a connection in its pool: neither finds it closed.
KEEP_ALIVE_SECONDS = 75
GRACEFUL_SECONDS = 20
FORCED_LOOK_SECONDS = 0.05
NOTICE_SECONDS = 1.0
LAST_WRITES_SECONDS = 10.0  # for what sockets still write when they have been closed


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Serve; 0 when told to stop, 1 with a sentence when a setting is wrong."""
    parser = argparse.ArgumentParser(prog="server serve")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT)
    parser.add_argument("--host", default="127.0.0.1")
    chosen = parser.parse_args(arguments)
    set_up_logs()
    try:
        settings = settings_of(environment)
    except BadSetting as bad:
        print(f"serve: {bad}", file=sys.stderr)
        return 1
    app = build_app(settings)
    config = uvicorn.Config(
        app,
        host=chosen.host,
        port=chosen.port,
        loop="uvloop",
        http=short_way(app.routes, beside=("origin",) if settings.origins else ()),
        ws=DirectSocket,
        ws_ping_interval=None,
        ws_max_size=FRAME_MAX_BYTES,
        ws_per_message_deflate=False,
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACEFUL_SECONDS,
    )
    logging.getLogger("uvicorn.error").addFilter(StrangersNoise())
    listening = config.bind_socket()
    tune_listening(listening)
    Leaving(config, app, settings).run(sockets=[listening])
    return 0


class Leaving(uvicorn.Server):
    """A server that leaves politely: not ready at once, sockets sent away a few at a time."""

    def __init__(self, config: uvicorn.Config, app: Starlette, settings: Settings) -> None:
        super().__init__(config)
        self._app = app
        self._spread_seconds = settings.drain_seconds

    async def shutdown(self, sockets: list[object] | None = None) -> None:  # type: ignore[override] # the list is passed on unread
        self._app.state.draining = True
        connections = self._app.state.connections
        if len(connections) and not self.force_exit:
            log.info("draining %d connections", len(connections))
            drained = asyncio.ensure_future(
                connections.drain(
                    spread_seconds=self._spread_seconds,
                    grace_seconds=LAST_WRITES_SECONDS,
                    notice_seconds=min(NOTICE_SECONDS, self._spread_seconds / 10),
                )
            )
            forced = asyncio.ensure_future(self._forced())
            await asyncio.wait({drained, forced}, return_when=asyncio.FIRST_COMPLETED)
            drained.cancel()
            forced.cancel()
        await super().shutdown(sockets)  # type: ignore[arg-type] # passed on unread

    async def _forced(self) -> None:
        """Returns when a second signal asks for haste."""
        while not self.force_exit:  # noqa: ASYNC110 - uvicorn tells it by a plain attribute
            await asyncio.sleep(FORCED_LOOK_SECONDS)
