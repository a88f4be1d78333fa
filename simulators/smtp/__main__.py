import argparse

import uvicorn

from simulators.development import require_development
from simulators.smtp.app import build

CONCURRENT_LIMIT_COUNT = 200


def main() -> None:
    """Serve the simulator on this machine's loopback until it is stopped."""
    require_development("smtp")
    parser = argparse.ArgumentParser(
        prog="python -m simulators.smtp",
        description="A mail server and its mailbox on loopback, for development and tests.",
    )
    parser.add_argument("--port", type=int, default=12125, help="of SMTP")
    parser.add_argument("--web-port", type=int, default=12180, help="of the mailbox")
    parser.add_argument("--user", default="", help="without one, nobody has to sign in")
    parser.add_argument("--password", default="")
    given = parser.parse_args()
    print(f"Mailbox on http://127.0.0.1:{given.web_port}", flush=True)
    uvicorn.run(
        build(given.port, given.user, given.password),
        host="127.0.0.1",
        port=given.web_port,
        access_log=False,
        log_level="warning",
        limit_concurrency=CONCURRENT_LIMIT_COUNT,
        timeout_graceful_shutdown=2,
    )


if __name__ == "__main__":
    main()
