"""The standing people of the tests: one of each role, in one city, each with a token.

`await customer.run("{ viewer { id } }")` answers as the graph would answer that person.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from database.scope import PLATFORM
from database.sessions import Database, Origin
from dataloaders import Loaders
from gateways.payments import StripePayments
from models.accounts import Membership, Person
from models.identity import ANONYMOUS, Actor, Grant, Role, SignInSession
from resolvers.context import Context, House
from services.core.clock import moment
from subscriptions.engine.hub import Hub
from tests.support import city
from tests.support.city import City
from workflows.delivery.position_ingest import Positions
from workflows.identity.authenticator import Identity
from workflows.stock.reservation_batcher import Combiner

if TYPE_CHECKING:
    from execution import Answer
    from server.graphql_engine import HouseEngine

NOWHERE = "http://127.0.0.1:9"  # the discard port: a test that pays starts a simulator of its own


@cache
def engine() -> "HouseEngine":
    """The engine, made when first asked: tests without the graph do without its errors too."""
    from execution import Limits
    from schema.root import graph
    from server.errors import present
    from server.graphql_engine import HouseEngine

    return HouseEngine(graph, limits=Limits(), introspection=True, on_error=present)


@dataclass
class KeptSms:
    """A phone network in memory: what was sent to whom, in order."""

    sent: list[tuple[str, str]] = field(default_factory=list)

    async def send(self, phone: str, text: str) -> None:
        self.sent.append((phone, text))

    async def close(self) -> None:
        """There is nothing to let go of."""

    def code(self, phone: str) -> str:
        """The digits of the last message to a phone."""
        return next(text for to, text in reversed(self.sent) if to == phone)[:6]


@dataclass
class Standing:
    """One person who can ask the graph; nobody in particular when `person` is None."""

    house: House
    actor: Actor = ANONYMOUS
    person: Person | None = None
    token: str = ""

    @property
    def id(self) -> UUID:
        assert self.actor.person_id is not None
        return self.actor.person_id

    def context(self, **more: Any) -> Context:
        """A context as the server's edge would make it."""
        loaders = Loaders(self.house.database, self.actor.scope())
        return Context(house=self.house, actor=self.actor, loaders=loaders, **more)

    async def answer(self, document: str, variables: Any = None, **more: Any) -> "Answer":
        """Run a query or mutation; `more` goes into the context (`address=…`)."""
        from execution import Answer

        prepared = engine().prepare(document)
        if isinstance(prepared, Answer):
            return prepared
        return await engine().execute(prepared, variables or {}, self.context(**more))

    async def run(self, document: str, variables: Any = None, **more: Any) -> Any:
        """The data of an operation that must not meet any top-level error."""
        answer = await self.answer(document, variables, **more)
        assert not answer.errors, answer.errors
        return answer.data

    async def codes(self, document: str, variables: Any = None, **more: Any) -> set[str]:
        """The extension codes of an operation's top-level errors."""
        answer = await self.answer(document, variables, **more)
        return {error["extensions"]["code"] for error in answer.errors or []}


@pytest.fixture(scope="session")
async def database(database_url: str) -> AsyncIterator[Database]:
    """The session's database, through the application's two roles."""
    opened = Database(database_url)
    yield opened
    await opened.close()


@pytest.fixture(scope="session")
def sms() -> KeptSms:
    return KeptSms()


@pytest.fixture(scope="session")
async def house(
    database: Database, sms: KeptSms, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[House]:
    """A whole house in this process, with its own keys and a phone network in memory."""
    keys: Path = tmp_path_factory.mktemp("keys") / "keys.json"
    combiner, positions = Combiner(database), Positions(database)
    hub = Hub(database, "memory://")
    payments = StripePayments(
        secret_key="sk_test_none", webhook_secret="whsec_none", api_base=NOWHERE
    )
    database.announce = hub.announce
    await hub.start()
    combiner.start()
    positions.start()
    yield House(
        database=database,
        combiner=combiner,
        positions=positions,
        payments=payments,
        sms=sms,
        identity=Identity(keys_file=keys, database=database),
        streams=hub,
    )
    await positions.close()
    await combiner.close()
    await hub.close()
    await payments.close()


@pytest.fixture(scope="session")
async def town(database: Database) -> City:
    """The city in which the standing people live and work; tests leave its rows as they are."""
    return await city.build(database)


async def stand(
    house: House, name: str, *grants: Grant, person_id: UUID | None = None, guest: bool = False
) -> Standing:
    """Somebody new (or `person_id`) with these roles, signed in."""
    async with house.database.write(PLATFORM, Origin("test:people")) as session:
        person = await session.get(Person, person_id) if person_id else None
        if person is None:
            person = Person(name="" if guest else name)
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
            person_id=person.id, device="test", expires_at=await moment(session, 3600)
        )
        session.add(device)
    actor = Actor(person.id, device.id, grants)
    return Standing(house, actor, person, house.identity.sign(actor)[0])


@pytest.fixture(scope="session")
def nobody(house: House) -> Standing:
    return Standing(house)


@pytest.fixture(scope="session")
async def customer(house: House) -> Standing:
    return await stand(house, "Customer", Grant(Role.CUSTOMER))


@pytest.fixture(scope="session")
async def another_customer(house: House) -> Standing:
    return await stand(house, "Another customer", Grant(Role.CUSTOMER))


@pytest.fixture(scope="session")
async def guest(house: House) -> Standing:
    return await stand(house, "Guest", Grant(Role.CUSTOMER), guest=True)


@pytest.fixture(scope="session")
async def picker(house: House, town: City) -> Standing:
    return await stand(house, "Picker", Grant(Role.STORE_STAFF, town.company.id, town.near.id))


@pytest.fixture(scope="session")
async def manager(house: House, town: City) -> Standing:
    return await stand(house, "Manager", Grant(Role.STORE_MANAGER, town.company.id, town.near.id))


@pytest.fixture(scope="session")
async def company_admin(house: House, town: City) -> Standing:
    return await stand(house, "Company admin", Grant(Role.COMPANY_ADMIN, town.company.id))


@pytest.fixture(scope="session")
async def other_company_manager(house: House, town: City) -> Standing:
    store = town.second.stores[0]
    grant = Grant(Role.STORE_MANAGER, town.second.id, store.id)
    return await stand(house, "Other company's manager", grant)


@pytest.fixture(scope="session")
async def other_company_admin(house: House, town: City) -> Standing:
    return await stand(house, "Other company's admin", Grant(Role.COMPANY_ADMIN, town.second.id))


@pytest.fixture(scope="session")
async def rider(house: House, town: City) -> Standing:
    return await _rider(house, town, 0)


@pytest.fixture(scope="session")
async def another_rider(house: House, town: City) -> Standing:
    return await _rider(house, town, 1)


@pytest.fixture(scope="session")
async def support_agent(house: House, town: City) -> Standing:
    return await stand(house, "Support agent", Grant(Role.SUPPORT_AGENT, town.company.id))


@pytest.fixture(scope="session")
async def super_admin(house: House) -> Standing:
    return await stand(house, "Super admin", Grant(Role.SUPER_ADMIN))


async def _rider(house: House, town: City, number: int) -> Standing:
    row = town.riders[number]
    grant = Grant(Role.RIDER, row.company_id)
    return await stand(house, "Rider", grant, person_id=row.person_id)
