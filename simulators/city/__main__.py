"""`python -m simulators.city --rate 5 --minutes 2 --seed 1`: a city against a running store."""

import argparse
import asyncio
import os
import sys
from urllib.parse import urlsplit

from simulators.city.run import CityOptions, run
from simulators.parts.customer import CardProvider

LOOPBACK = {"127.0.0.1", "localhost", "::1"}
RATE_MOST = 50.0
MINUTES_MOST = 60.0


def main() -> int:
    """Run the city; 0 when no operation failed."""
    parser = argparse.ArgumentParser(prog="python -m simulators.city")
    parser.add_argument("--rate", type=float, default=5.0, help="orders a second")
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    url = os.environ.get("DARKSTORE_URL", "http://127.0.0.1:8000")
    provider = CardProvider(
        os.environ.get("STRIPE_API_BASE", ""), os.environ.get("STRIPE_PUBLISHABLE_KEY", "")
    )
    if urlsplit(url).hostname not in LOOPBACK or not provider.url:
        print("city: start a store here with `make run`; a city is for loopback", file=sys.stderr)
        return 2
    if not 0 < given.rate <= RATE_MOST or not 0 < given.minutes <= MINUTES_MOST:
        print(f"city: RATE is up to {RATE_MOST:g}, MINUTES up to {MINUTES_MOST:g}", file=sys.stderr)
        return 2
    return asyncio.run(run(CityOptions(url, provider, given.rate, given.minutes, given.seed)))


if __name__ == "__main__":
    sys.exit(main())
