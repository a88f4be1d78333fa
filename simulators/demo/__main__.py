"""`python -m simulators.demo`: four clients play one order from storefront to refund."""

import asyncio
import os
import sys

from simulators.client import RequestFailed
from simulators.demo.play import UnexpectedResult, play
from simulators.parts.customer import CardProvider

MOST_SECONDS = 60.0


async def _within_time(url: str, provider: CardProvider) -> None:
    async with asyncio.timeout(MOST_SECONDS):
        await play(url, provider)


def main() -> int:
    """Play; 0 when everything went as it should, 1 with the difference otherwise."""
    url = os.environ.get("DARKSTORE_URL", "http://127.0.0.1:8000")
    provider = CardProvider(
        os.environ.get("STRIPE_API_BASE", ""), os.environ.get("STRIPE_PUBLISHABLE_KEY", "")
    )
    if not provider.url:
        print("demo: STRIPE_API_BASE is not set: start the store with `make run`", file=sys.stderr)
        return 1
    try:
        asyncio.run(_within_time(url, provider))
    except (RequestFailed, UnexpectedResult) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except TimeoutError:
        print(f"demo: not done after {MOST_SECONDS:.0f} s", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
