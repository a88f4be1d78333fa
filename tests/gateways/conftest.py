from collections.abc import AsyncIterator

import pytest

from tests.support.stripe_simulator import Desk, opened


@pytest.fixture(scope="module")
async def opened_desk() -> AsyncIterator[Desk]:
    async with opened() as one:
        yield one


@pytest.fixture
async def desk(opened_desk: Desk) -> Desk:
    """A store, a Stripe simulator and its webhooks, as if all were new."""
    await opened_desk.start_over()
    return opened_desk
