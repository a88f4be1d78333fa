"""The apps of new people: of a customer, a picker, a rider, a support agent."""

from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

import aiohttp

from database.audit import AuditContext
from database.scope import PLATFORM
from database.sessions import Database
from models.identity import Grant, Role
from models.riders import Rider
from simulators.client import GraphClient, RequestStatistics
from simulators.parts.device import RoleClient
from tests.support.faults.process_group import ServerGroup, SignedInUser

App = TypeVar("App", bound=RoleClient)
ORIGIN = AuditContext("test:apps")


@dataclass
class AppFactory:
    """Signs in a new person of a company for each app."""

    servers: ServerGroup
    database: Database
    http: aiohttp.ClientSession
    company_id: UUID
    tally: RequestStatistics

    async def create(self, kind: type[App], role: Role, store_id: UUID | None = None) -> App:
        """The app of a new person with this role, in one store or in the whole company."""
        company_id = None if role is Role.CUSTOMER else self.company_id
        grant = Grant(role, company_id, store_id)
        who = await self.servers.sign_in(self.database, role.title(), grant)
        if role is Role.RIDER:
            async with self.database.write(PLATFORM, ORIGIN) as session:
                session.add(Rider(person_id=who.actor.person_id, company_id=self.company_id))
        return kind(graph_client(self.servers, self.http, who, self.tally))


def graph_client(
    servers: ServerGroup, http: aiohttp.ClientSession, who: SignedInUser, tally: RequestStatistics
) -> GraphClient:
    """Return a GraphQL client that sends a user's access token."""
    client = GraphClient(http, servers.graph_url, tally)
    client.token = who.token
    return client
