"""A server that takes files, with each of the two storages."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from gateways.objects import DiskObjects, ObjectStorage
from models.identity import Grant, Role
from resolvers.context import Container
from server.auth.header_authenticator import HeaderAuthenticator
from server.endpoints.file_transfers import file_transfer_routes
from server.rate_limit.budgets import CallerBudgets
from tests.support.actors import create_client
from tests.support.files.faulty_storage import FaultyStorage
from tests.support.files.moto_server import BucketServer, bucket_server
from tests.support.files.uploading import Uploader
from tests.support.stripe_simulator import serve
from workflows.files.complete_upload import file_checks


@pytest.fixture(scope="session")
async def bucket() -> AsyncIterator[BucketServer]:
    async with bucket_server() as one:
        yield one


@pytest.fixture(params=["disk", "bucket"])
async def storage(
    request: pytest.FixtureRequest, tmp_path: Path, bucket: BucketServer
) -> AsyncIterator[ObjectStorage]:
    one: ObjectStorage = DiskObjects(tmp_path) if request.param == "disk" else bucket.gateway()
    yield one
    await one.close()


@pytest.fixture
def faulty(storage: ObjectStorage) -> FaultyStorage:
    """The storage, whose methods can be told to fail."""
    return FaultyStorage(storage)


@pytest.fixture
async def uploader(
    container: Container, storage: ObjectStorage, faulty: FaultyStorage
) -> AsyncIterator[Uploader]:
    """A customer of its own, who sends files to a server: open uploads of a person are counted."""
    server = replace(container, files=file_checks(container.database, storage))
    routes = file_transfer_routes(server, HeaderAuthenticator(server), CallerBudgets())
    graph = replace(container, files=file_checks(container.database, faulty))
    async with (
        serve(Starlette(routes=routes)) as url,
        httpx.AsyncClient(base_url=url, timeout=30) as http,
    ):
        yield Uploader(await create_client(graph, "Sender", Grant(Role.CUSTOMER)), http)
