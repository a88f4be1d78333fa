import argparse
import sqlite3

import uvicorn

from simulators.development import require_development
from simulators.stripe.account import EVENT_PATTERNS, HOLD_SECONDS, SimulatorSettings
from simulators.stripe.app import build
from simulators.stripe.state import State

BACKLOG_LIMIT_COUNT = 512
CONCURRENT_LIMIT_COUNT = 1000
KEEP_ALIVE_SECONDS = 75  # longer than clients keep an idle connection: none finds it closed


def main() -> None:
    """Serve the simulator on this machine's loopback until it is stopped."""
    require_development("stripe")
    parser = _parser()
    given = parser.parse_args()
    try:
        settings = SimulatorSettings(
            secret_key=given.key,
            webhook_secret=given.secret,
            webhook_url=given.webhook,
            state_path=given.state,
            hold_seconds=given.hold_seconds,
            event_patterns=tuple(given.events.split(",")),
        )
        State(settings.state_path).db.close()
    except ValueError as error:
        parser.error(str(error))
    except sqlite3.Error as error:
        parser.error(f"the state file {given.state} can't be used: {error}")
    print(f"Stripe simulator on http://127.0.0.1:{given.port}", flush=True)
    uvicorn.run(
        build(settings),
        host="127.0.0.1",
        port=given.port,
        access_log=False,
        log_level="warning",
        backlog=BACKLOG_LIMIT_COUNT,
        limit_concurrency=CONCURRENT_LIMIT_COUNT,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=2,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m simulators.stripe",
        description="Stripe's card payments on loopback, for development and tests.",
    )
    parser.add_argument("--port", type=int, default=12111)
    parser.add_argument(
        "--state", default=":memory:", help="SQLite file; a restart goes on from it"
    )
    parser.add_argument("--webhook", help="where signed events are posted: http:// on loopback")
    parser.add_argument(
        "--secret", default=SimulatorSettings.webhook_secret, help="signs the events"
    )
    parser.add_argument(
        "--key", default=SimulatorSettings.secret_key, help="secret key, sk_test_..."
    )
    parser.add_argument("--hold-seconds", type=int, default=HOLD_SECONDS, help="life of a hold")
    parser.add_argument(
        "--events", default=",".join(EVENT_PATTERNS), help="kinds to send, with * as in a shell"
    )
    return parser


if __name__ == "__main__":
    main()
