"""A mailbox, and a customer whom the inviters know nothing of."""

import secrets

import pytest

from database.audit import AuditContext
from database.scope import PLATFORM
from models.accounts import User
from models.identity import Grant, Role
from resolvers.context import Container
from tests.support.actors import ActorClient, create_client
from tests.support.mailbox import Mailbox
from tests.workflows.identity.test_sign_in import new_phone


@pytest.fixture
def mailbox(container: Container) -> Mailbox:
    return Mailbox(container)


@pytest.fixture
async def known(container: Container) -> ActorClient:
    """A customer with name, phone and e-mail, whom the inviters know nothing of."""
    client = await create_client(container, "Tiago", Grant(Role.CUSTOMER))
    async with container.database.write(PLATFORM, AuditContext("test")) as session:
        person = await session.get_one(User, client.id)
        person.phone, person.email = new_phone(), f"{secrets.token_hex(6)}@example.org"
    assert client.person is not None
    client.person.phone, client.person.email = person.phone, person.email
    return client
