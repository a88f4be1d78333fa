"""Shared test clients: one signed-in person per role, in one city.

`await customer.run("{ viewer { id } }")` executes an operation as that person.
"""

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from database.audit import AuditContext
from database.scope import PLATFORM
from database.sessions import Database
from dataloaders.loaders import Loaders
from gateways.objects import DiskObjects
from gateways.payments import StripePaymentGateway
from models.accounts import Membership, User
from models.identity import ANONYMOUS, Actor, Grant, Role, SignInSession
from resolvers.context import Container, Context
from services.core.clock import current_time
from subscriptions.engine.hub import Hub
from tests.support import city
from tests.support.city import City
from workflows.delivery.position_ingest import PositionIngest
from workflows.files.complete_upload import file_checks
from workflows.identity.authenticator import Authenticator
from workflows.stock.reservation_batcher import ReservationBatcher

if TYPE_CHECKING:
    from execution import Answer
    from server.graphql_engine import GraphQLEngine

MIN_TOKEN_SECONDS = 300
SESSION_SECONDS = 86_400
NOWHERE = "http://127.0.0.1:9"  # the discard port: tests with payments start their own simulator


@cache
def engine() -> "GraphQLEngine":
    """Return the engine, created on first use: tests without GraphQL do not import the schema."""
    from execution import Limits
    from schema.root import graph
    from server.errors import format_error
    from server.graphql_engine import GraphQLEngine

    return GraphQLEngine(graph, limits=Limits(), introspection=True, on_error=format_error)


@dataclass
class InMemorySms:
    """An SMS gateway in memory that records (phone, text) in order."""

    sent: list[tuple[str, str]] = field(default_factory=list)

    async def send(self, phone: str, text: str) -> None:
        self.sent.append((phone, text))

    async def close(self) -> None:
        """Do nothing: there are no resources to release."""

    def code(self, phone: str) -> str:
        """Return the code in the last message to a phone."""
        return next(text for to, text in reversed(self.sent) if to == phone).split()[0]


@dataclass
class ActorClient:
    """Executes operations as one actor; anonymous if `person` is None."""

    container: Container
    actor: Actor = ANONYMOUS
    person: User | None = None
    _token: tuple[str, float] = field(default=("", 0.0), init=False, repr=False)

    @property
    def token(self) -> str:
        """An access token that is valid for five minutes at least; empty without a person.

        The people of a session are used for longer than one token is valid.
        """
        if self.person is None:
            return ""
        if self._token[1] < time.time() + MIN_TOKEN_SECONDS:
            self._token = self.container.authenticator.sign(self.actor)
        return self._token[0]

    @property
    def id(self) -> UUID:
        assert self.actor.person_id is not None
        return self.actor.person_id

    def context(self, **more: Any) -> Context:
        """Return a context as the server creates it."""
        loaders = Loaders(self.container.database, self.actor.scope())
        return Context(container=self.container, actor=self.actor, loaders=loaders, **more)

    async def answer(self, document: str, variables: Any = None, **more: Any) -> "Answer":
        """Execute a query or mutation; `more` are context fields (`address=…`)."""
        from execution import Answer

        prepared = engine().prepare(document)
        if isinstance(prepared, Answer):
            return prepared
        return await engine().execute(prepared, variables or {}, self.context(**more))

    async def run(self, document: str, variables: Any = None, **more: Any) -> Any:
        """Return the data of an operation, which must have no top-level errors."""
        answer = await self.answer(document, variables, **more)
        assert not answer.errors, answer.errors
        return answer.data

    async def codes(self, document: str, variables: Any = None, **more: Any) -> set[str]:
        """Return the error codes of an operation's top-level errors."""
        answer = await self.answer(document, variables, **more)
        return {error["extensions"]["code"] for error in answer.errors or []}


@pytest.fixture(scope="session")
async def database(database_url: str) -> AsyncIterator[Database]:
    """The session's database, through the application's two roles."""
    database = Database(database_url)
    yield database
    await database.close()


@pytest.fixture(scope="session")
def sms() -> InMemorySms:
    return InMemorySms()


@pytest.fixture(scope="session")
async def container(
    database: Database, sms: InMemorySms, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Container]:
    """The dependencies of a process, with its own keys and an SMS gateway in memory."""
    keys: Path = tmp_path_factory.mktemp("keys") / "keys.json"
    reservation_queue, positions = ReservationBatcher(database), PositionIngest(database)
    hub = Hub(database, "memory://")
    payments = StripePaymentGateway(
        secret_key="sk_test_none", webhook_secret="whsec_none", api_base=NOWHERE
    )
    database.announcer.subscribe(hub.publish_events)
    await hub.start()
    reservation_queue.start()
    positions.start()
    yield Container(
        database=database,
        reservation_queue=reservation_queue,
        positions=positions,
        payments=payments,
        sms=sms,
        authenticator=Authenticator(keys_file=keys, database=database),
        streams=hub,
        files=file_checks(database, DiskObjects(keys.parent / "objects")),
    )
    await positions.close()
    await reservation_queue.close()
    await hub.close()
    await payments.close()


@pytest.fixture(scope="session")
async def shared_city(database: Database) -> City:
    """The city of the shared clients; tests do not change its rows."""
    return await city.build_city(database)


async def create_client(
    container: Container,
    name: str,
    *grants: Grant,
    person_id: UUID | None = None,
    guest: bool = False,
) -> ActorClient:
    """Create a person (or use `person_id`) with these roles, signed in."""
    async with container.database.write(PLATFORM, AuditContext("test:people")) as session:
        person = await session.get(User, person_id) if person_id else None
        if person is None:
            person = User(name="" if guest else name)
            session.add(person)
            await session.flush()
            session.add_all(
                Membership(
                    person_id=person.id,
                    role=grant.role,
                    company_id=grant.company_id,
                    store_id=grant.store_id,
                )
                for grant in grants
            )
            if not guest:
                person.email = f"{person.id}@example.org"
        device = SignInSession(
            person_id=person.id,
            device="test",
            expires_at=await current_time(session, SESSION_SECONDS),
        )
        session.add(device)
    actor = Actor(person.id, device.id, grants)
    return ActorClient(container, actor, person)


@pytest.fixture(scope="session")
def nobody(container: Container) -> ActorClient:
    return ActorClient(container)


@pytest.fixture(scope="session")
async def customer(container: Container) -> ActorClient:
    return await create_client(container, "Customer", Grant(Role.CUSTOMER))


@pytest.fixture(scope="session")
async def another_customer(container: Container) -> ActorClient:
    return await create_client(container, "Another customer", Grant(Role.CUSTOMER))


@pytest.fixture(scope="session")
async def guest(container: Container) -> ActorClient:
    return await create_client(container, "Guest", Grant(Role.CUSTOMER), guest=True)


@pytest.fixture(scope="session")
async def picker(container: Container, shared_city: City) -> ActorClient:
    return await create_client(
        container, "Picker", Grant(Role.STORE_STAFF, shared_city.company.id, shared_city.near.id)
    )


@pytest.fixture(scope="session")
async def manager(container: Container, shared_city: City) -> ActorClient:
    return await create_client(
        container, "Manager", Grant(Role.STORE_MANAGER, shared_city.company.id, shared_city.near.id)
    )


@pytest.fixture(scope="session")
async def company_admin(container: Container, shared_city: City) -> ActorClient:
    return await create_client(
        container, "Company admin", Grant(Role.COMPANY_ADMIN, shared_city.company.id)
    )


@pytest.fixture(scope="session")
async def other_company_manager(container: Container, shared_city: City) -> ActorClient:
    store = shared_city.second.stores[0]
    grant = Grant(Role.STORE_MANAGER, shared_city.second.id, store.id)
    return await create_client(container, "Other company's manager", grant)


@pytest.fixture(scope="session")
async def other_company_admin(container: Container, shared_city: City) -> ActorClient:
    return await create_client(
        container, "Other company's admin", Grant(Role.COMPANY_ADMIN, shared_city.second.id)
    )


@pytest.fixture(scope="session")
async def rider(container: Container, shared_city: City) -> ActorClient:
    return await _rider(container, shared_city, 0)


@pytest.fixture(scope="session")
async def another_rider(container: Container, shared_city: City) -> ActorClient:
    return await _rider(container, shared_city, 1)


@pytest.fixture(scope="session")
async def support_agent(container: Container, shared_city: City) -> ActorClient:
    return await create_client(
        container, "Support agent", Grant(Role.SUPPORT_AGENT, shared_city.company.id)
    )


@pytest.fixture(scope="session")
async def super_admin(container: Container) -> ActorClient:
    return await create_client(container, "Super admin", Grant(Role.SUPER_ADMIN))


async def _rider(container: Container, shared_city: City, number: int) -> ActorClient:
    row = shared_city.riders[number]
    grant = Grant(Role.RIDER, row.company_id)
    return await create_client(container, "Rider", grant, person_id=row.person_id)
