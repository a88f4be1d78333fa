"""Measures the price list: `python -m benchmarks.prices [--short]`.

Starts a server in production mode, plays every root field and what is no field on it, and prints
the CPU of the server for each unit that its caller paid. Fails when something takes more than 20
times what the storefront takes: all of that is a ratio within one run. The SQL column is the CPU of
PostgreSQL.
"""

import argparse
import asyncio
import logging
import sys

from attack.target import production_server
from tests.support.paths import ROOT
from tests.support.production.price_run import HEADING, MAX_RATIO, measure_prices

FOLDER = ROOT / ".darkstore" / "prices"


def main() -> int:
    """Measure and print; 1 when a price is too low."""
    parser = argparse.ArgumentParser(prog="benchmarks.prices", description=__doc__)
    parser.add_argument("--short", action="store_true", help="what is no field, and little else")
    chosen = parser.parse_args()
    # A story plays a job that fails.
    logging.getLogger("darkstore").addHandler(logging.NullHandler())
    with production_server(FOLDER) as target:
        rows = asyncio.run(measure_prices(target, short=chosen.short))
    print(HEADING)
    print("\n".join(map(str, rows)))
    cheap = [row.name for row in rows if row.ratio > MAX_RATIO]
    if cheap:
        print(f"prices: too low for {', '.join(cheap)}.", file=sys.stderr)
    return int(bool(cheap))


if __name__ == "__main__":
    sys.exit(main())
