"""`python -m server seed`: load the city and the catalog once."""

import asyncio
import sys
from collections.abc import Mapping, Sequence

from seed import seed
from server.settings import DEVELOPMENT, PRODUCTION


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Load what is missing; return 0 when all data is there."""
    url = environment.get("DATABASE_URL", "")
    if environment.get("DARKSTORE_ENV", PRODUCTION) != DEVELOPMENT:
        print(
            "seed: the demo's people have passwords that everybody knows, so they are loaded only"
            " where DARKSTORE_ENV is development; `python -m server admin create` makes the first"
            " super admin.",
            file=sys.stderr,
        )
        return 1
    if not url:
        print("seed: DATABASE_URL is not set", file=sys.stderr)
        return 1
    asyncio.run(seed(url, report=lambda line: print(f"darkstore: {line}", flush=True)))
    return 0
