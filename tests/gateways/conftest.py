from collections.abc import AsyncIterator

import pytest

from tests.support.stripe_simulator import StripeSandbox, open_sandbox


@pytest.fixture(scope="module")
async def shared_sandbox() -> AsyncIterator[StripeSandbox]:
    async with open_sandbox() as sandbox:
        yield sandbox


@pytest.fixture
async def sandbox(shared_sandbox: StripeSandbox) -> StripeSandbox:
    """A Stripe simulator with a gateway and a webhook inbox, reset for each test."""
    await shared_sandbox.reset()
    return shared_sandbox
