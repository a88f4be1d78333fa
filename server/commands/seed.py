"""`python -m server seed`: load the city and the catalog once."""

import asyncio
import sys
from collections.abc import Mapping, Sequence

from seed import seed


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Load what is missing; 0 when the data is in place."""
    url = environment.get("DATABASE_URL", "")
    if not url:
        print("seed: DATABASE_URL is not set", file=sys.stderr)
        return 1
    asyncio.run(seed(url, say=lambda line: print(f"darkstore: {line}", flush=True)))
    return 0
