"""`python -m server seed`: load the city and the catalog once."""

import asyncio
import sys
from collections.abc import Mapping, Sequence

from seed import seed


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Load what is missing; return 0 when all data is there."""
    url = environment.get("DATABASE_URL", "")
    if not url:
        print("seed: DATABASE_URL is not set", file=sys.stderr)
        return 1
    asyncio.run(seed(url, report=lambda line: print(f"darkstore: {line}", flush=True)))
    return 0
