"""`python -m server seed`: load the city and the catalog of the demo once, in development only."""

import asyncio
from collections.abc import Mapping, Sequence

from seed import seed
from server.settings.declarations import DATABASE_URL


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Load what is missing; return 0 when all data is there."""
    url = DATABASE_URL.read(environment)
    asyncio.run(seed(url, report=lambda line: print(f"darkstore: {line}", flush=True)))
    return 0
