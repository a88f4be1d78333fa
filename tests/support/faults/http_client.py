"""Asking the running server over HTTP, and seeing that nothing was written and nothing broke."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

from database.base import Base
from database.sessions import Database
from models.ids import encode
from tests.support.city import City
from tests.support.faults.process_group import SERVER, Resident, Town

# Promises of clients are kept whatever they lead to, and jobs write audit rows of their own.
# What is written for bookkeeping, and what jobs write by themselves meanwhile.
APART = {
    *("idempotency_key", "audit_entry", "event", "stream"),
    *("stock_alert", "stock_audit", "reorder_run", "reorder_proposal", "delivery_track"),
    *("job_state", "job_failure", "event_place", "webhook_delivery", "webhook_attempt"),
}
OF_JOBS = "^(alerts|audit|supply):"
BY_CLIENTS = "select count(*) from audit_entry where action not similar to '(job:|settlement|pay)%'"
PLACE = """
mutation Place($input: OrderPlaceInput!) {
  orderPlace(input: $input) {
    order { id code status }
    errors { __typename ... on Problem { path message } }
  }
}
"""


@dataclass
class Neighborhood:
    """A part of the running town in which one customer has an order and another asks."""

    town: Town
    quarter: City
    http: aiohttp.ClientSession
    owner: Resident
    stranger: Resident
    order_id: str
    staff: dict[str, Resident]

    async def answer(
        self, query: str, variables: Any = None, *, who: Resident | None = None, **headers: str
    ) -> Any:
        """What the server says to an operation; never a 500."""
        if who is not None:
            headers["authorization"] = f"Bearer {who.token}"
        body = {"query": query, "variables": variables}
        async with self.http.post(self.town.graph, json=body, headers=headers) as response:
            assert response.status < 500, await response.text()
            return await response.json()

    async def counts(self) -> dict[str, int]:
        """How many rows every table has."""
        tables = sorted(set(Base.metadata.tables) - APART)
        each = " union all ".join(f"select '{one}', count(*) from \"{one}\"" for one in tables)  # noqa: S608 - names of our own metadata
        told = f"select count(*) from event where stream !~ '{OF_JOBS}'"  # noqa: S608 - our own words
        both = f"select 'audit', ({BY_CLIENTS}) union all select 'event', ({told})"
        rows = await self.town.rows(f"{each} union all {both}")
        return {row[0]: row[1] for row in rows}

    @asynccontextmanager
    async def nothing_written(self) -> AsyncIterator[None]:
        """The block leaves no row behind, and no fault in the server's log."""
        before, loud = await self.counts(), self.town.errors(SERVER)
        yield
        assert await self.counts() == before
        assert self.town.errors(SERVER) == loud


def troubles(answer: Any) -> set[str]:
    """The codes of top-level errors and the type names of a payload's."""
    found = {str(error["extensions"]["code"]) for error in answer.get("errors") or []}
    for payload in (answer.get("data") or {}).values():
        if isinstance(payload, dict):
            found |= {str(error.get("__typename")) for error in payload.get("errors") or []}
    return found


def line(quarter: City, nth: int = -1, quantity: Any = 1) -> dict[str, Any]:
    """So many of one product; one of the last alone is above the minimum of an order."""
    product = quarter.products[nth]
    return {"productId": encode(type(product), product.id), "quantity": quantity}


async def order_of(town: Town, http: aiohttp.ClientSession, quarter: City, who: Resident) -> str:
    """The id of an order that somebody has just placed."""
    variables = {"input": {"at": quarter.point, "lines": [line(quarter)]}}
    headers = {"authorization": f"Bearer {who.token}"}
    body = {"query": PLACE, "variables": variables}
    async with http.post(town.graph, json=body, headers=headers) as response:
        answer = await response.json()
    return str(answer["data"]["orderPlace"]["order"]["id"])


async def settle_in(
    town: Town, books: Database, quarter: City, http: aiohttp.ClientSession, staff: dict[str, Any]
) -> Neighborhood:
    """Move in: two customers and somebody with each of the given grants."""
    owner, stranger = await town.customers(books, 2)
    order_id = await order_of(town, http, quarter, owner)
    residents = {
        name: await town.sign_in(books, name, *([grant] if grant else []))
        for name, grant in staff.items()
    }
    return Neighborhood(town, quarter, http, owner, stranger, order_id, residents)
