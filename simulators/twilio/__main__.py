import argparse

import uvicorn

from simulators.development import require_development
from simulators.twilio.app import build

CONCURRENT_LIMIT_COUNT = 200


def main() -> None:
    """Serve the simulator on this machine's loopback until it is stopped."""
    require_development("twilio")
    parser = argparse.ArgumentParser(
        prog="python -m simulators.twilio",
        description="Twilio's text messages on loopback, for development and tests.",
    )
    parser.add_argument("--port", type=int, default=12112)
    parser.add_argument("--account", default="AC" + "0" * 32, help="account SID, AC...")
    parser.add_argument("--token", default="simulated", help="auth token of the account")
    given = parser.parse_args()
    print(f"Twilio simulator on http://127.0.0.1:{given.port}", flush=True)
    uvicorn.run(
        build(given.account, given.token),
        host="127.0.0.1",
        port=given.port,
        access_log=False,
        log_level="warning",
        limit_concurrency=CONCURRENT_LIMIT_COUNT,
        timeout_graceful_shutdown=2,
    )


if __name__ == "__main__":
    main()
