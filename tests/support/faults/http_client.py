"""Sends operations to the running server and checks that they wrote and logged nothing."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import aiohttp
import asyncpg

from database.base import Base
from database.sessions import Database
from models.ids import encode_id
from tests.support.city import City
from tests.support.faults.process_group import SERVER, ServerGroup, SignedInUser

# Idempotency keys are stored even for failed requests; jobs write the other tables meanwhile.
UNCHECKED_TABLES = {
    *("idempotency_key", "audit_entry", "event", "stream", "stock_alert_check"),
    *("stock_alert", "stock_audit", "reorder_run", "reorder_proposal", "delivery_track"),
    *("job_state", "job_cursor", "job_failure", "event_place"),
    *("webhook_delivery", "webhook_attempt", "ticket"),
}
# Jobs act for nobody: they open internal cases, end overdue orders and write alerts at any time.
CLIENT_EVENTS = "select count(*) from event where actor_id is not null"
CLIENT_TICKETS = "select count(*) from ticket where not internal"
CLIENT_AUDIT_ENTRIES = (
    "select count(*) from audit_entry where action not similar to '(job:|settlement|pay)%'"
)
PLACE = """
mutation Place($input: OrderPlaceInput!) {
  orderPlace(input: $input) {
    order { id code status }
    errors { __typename ... on Problem { path message } }
  }
}
"""


@dataclass
class FaultScenario:
    """A city in which one customer (`owner`) has an order and another (`stranger`) has none."""

    servers: ServerGroup
    city: City
    http: aiohttp.ClientSession
    owner: SignedInUser
    stranger: SignedInUser
    order_id: str
    staff: dict[str, SignedInUser]
    counter: asyncpg.Connection
    """Counts rows: a connection that stays open knows the hundred tables already."""

    async def execute(
        self, query: str, variables: Any = None, *, who: SignedInUser | None = None, **headers: str
    ) -> Any:
        """Return the response to an operation, whose status must be below 500."""
        if who is not None:
            headers["authorization"] = f"Bearer {who.token}"
        body = {"query": query, "variables": variables}
        async with self.http.post(self.servers.graph_url, json=body, headers=headers) as response:
            assert response.status < 500, await response.text()
            return await response.json()

    async def error_codes(
        self, query: str, variables: Any = None, *, who: SignedInUser | None = None
    ) -> set[str]:
        """Return the codes of all errors in the response to an operation."""
        return error_codes(await self.execute(query, variables, who=who))

    async def row_counts(self) -> dict[str, int]:
        """Return the number of rows of every checked table."""
        return {row[0]: row[1] for row in await self.counter.fetch(row_counts_query())}

    @asynccontextmanager
    async def assert_nothing_written(self) -> AsyncIterator[None]:
        """Assert that the block writes no row and no error to the server's log."""
        counts, logged = await self.row_counts(), self.servers.log_file(SERVER).stat().st_size
        yield
        after = await self.row_counts()
        assert after == counts, {n: (counts[n], after[n]) for n in after if after[n] != counts[n]}
        assert not (errors := self.servers.errors(SERVER, since=logged)), errors


@cache
def row_counts_query() -> str:
    """One statement that counts the rows of every checked table."""
    tables = sorted(set(Base.metadata.tables) - UNCHECKED_TABLES)
    counts = " union all ".join(
        f"select '{table}', count(*) from \"{table}\""  # noqa: S608 - names of our own metadata
        for table in tables
    )
    others = {"audit": CLIENT_AUDIT_ENTRIES, "event": CLIENT_EVENTS, "ticket": CLIENT_TICKETS}
    return " union all ".join([counts, *(f"select '{n}', ({q})" for n, q in others.items())])


def error_codes(answer: Any) -> set[str]:
    """Return the codes of top-level errors and the type names of payload errors."""
    codes = {str(error["extensions"]["code"]) for error in answer.get("errors") or []}
    for payload in (answer.get("data") or {}).values():
        if isinstance(payload, dict):
            codes |= {str(error.get("__typename")) for error in payload.get("errors") or []}
    return codes


def order_line(city: City, index: int = -1, quantity: Any = 1) -> dict[str, Any]:
    """Return an order line; one unit of the last product exceeds the minimum order value."""
    product = city.products[index]
    return {"productId": encode_id(type(product), product.id), "quantity": quantity}


async def place_order(
    servers: ServerGroup, http: aiohttp.ClientSession, city: City, who: SignedInUser
) -> str:
    """Place an order as a customer and return its id."""
    variables = {
        "input": {
            "destination": {"location": city.point},
            "addressLine": "Rua 1",
            "lines": [order_line(city)],
        }
    }
    headers = {"authorization": f"Bearer {who.token}"}
    body = {"query": PLACE, "variables": variables}
    async with http.post(servers.graph_url, json=body, headers=headers) as response:
        answer = await response.json()
    return str(answer["data"]["orderPlace"]["order"]["id"])


async def create_scenario(
    servers: ServerGroup,
    database: Database,
    city: City,
    http: aiohttp.ClientSession,
    staff: dict[str, Any],
) -> FaultScenario:
    """Create two customers, an order of the first, and a user for each of the given grants."""
    owner, stranger = await servers.sign_in_customers(database, 2)
    order_id = await place_order(servers, http, city, owner)
    users = {
        name: await servers.sign_in(database, name, *([grant] if grant else []))
        for name, grant in staff.items()
    }
    counter = await servers.connect()
    return FaultScenario(servers, city, http, owner, stranger, order_id, users, counter)
