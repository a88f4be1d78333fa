from collections.abc import AsyncIterator

import pytest

from tests.support.stripe_simulator import StripeSandbox, open_sandbox


@pytest.fixture(scope="module")
async def module_sandbox() -> AsyncIterator[StripeSandbox]:
    async with open_sandbox() as sandbox:
        yield sandbox


@pytest.fixture
async def sandbox(module_sandbox: StripeSandbox) -> StripeSandbox:
    """A store, a Stripe simulator and its webhooks, as if all were new."""
    await module_sandbox.reset()
    return module_sandbox
