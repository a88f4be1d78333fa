"""One world for all walks of a session; the tests do not change its rows."""

from collections.abc import AsyncIterator

import pytest

from resolvers.context import Container
from tests.support.walk.parties import World
from tests.support.walk.walked_world import open_world


@pytest.fixture(scope="session")
async def world(container: Container) -> AsyncIterator[World]:
    async with open_world(container) as one:
        yield one
