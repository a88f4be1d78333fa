"""A company's admin who creates apps, on a running server."""

from collections.abc import AsyncIterator

import pytest

from execution import Limits
from resolvers.context import Container
from schema.root import graph
from server.errors import format_error
from server.graphql_engine import GraphQLEngine
from tests.support.actors import ActorClient
from tests.support.city import City
from tests.support.server.client import serve_engine
from tests.support.server.integrator import AppAdmin


@pytest.fixture
async def app_admin(
    container: Container, company_admin: ActorClient, shared_city: City
) -> AsyncIterator[AppAdmin]:
    engine = GraphQLEngine(graph, limits=Limits(), on_error=format_error)
    async with serve_engine(container, engine) as client:
        yield await AppAdmin.create(company_admin, client, shared_city)
