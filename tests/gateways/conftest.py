from collections.abc import AsyncIterator

import pytest

from tests.simulators.desk import Desk, opened


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    """A store, a fresh Stripe simulator and its webhooks."""
    async with opened() as one:
        yield one
