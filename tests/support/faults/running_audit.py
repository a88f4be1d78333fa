"""Audits the stores of a company again and again while a fault run works on them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID

from database.scope import PLATFORM
from database.sessions import Database
from services.stock.audit.stock_audit import StockDifference, find_differences
from tests.support.faults.process_group import ServerGroup

STORES = "select id from store where company_id = $1"
# What is known about an order, as JSON, in the order of time: for the search of a cause.
HISTORY = """
select to_jsonb(e)::text from event e where stream = 'order:' || $1::text
union all select to_jsonb(h)::text from hold h
    where order_id in (select id from order_change where order_id = $1::uuid union select $1::uuid)
union all select to_jsonb(s)::text from stock_entry s where reference = $1::text
union all select to_jsonb(o)::text from "order" o where id = $1::uuid
union all select to_jsonb(f)::text from fulfillment f where order_id = $1::uuid
union all select to_jsonb(p)::text from payment p where order_id = $1::uuid
"""


@dataclass
class RunningAudit:
    """Compares all counters of a company's stores; each comparison is of one snapshot."""

    servers: ServerGroup
    database: Database
    company_id: UUID
    run_count: int = 0
    differences: dict[str, list[str]] = field(default_factory=dict)
    """What the audit reports, with the rows of the order it names."""

    async def run(self) -> None:
        """Audit each store once."""
        for (store_id,) in await self.servers.fetch(STORES, self.company_id):
            async with self.database.read(PLATFORM) as session:
                found = await find_differences(session, store_id)
            for difference in found:
                await self._record(difference)
        self.run_count += 1

    async def _record(self, difference: StockDifference) -> None:
        if (line := str(difference)) not in self.differences:
            self.differences[line] = []
            rows = await self.servers.fetch(HISTORY, difference.order_id)
            self.differences[line] = [row[0] for row in rows]

    def report(self) -> str:
        """The differences and the history of their orders, one line each."""
        return "\n".join(
            row for line, history in self.differences.items() for row in (line, *history)
        )


@asynccontextmanager
async def open_audit(servers: ServerGroup, company_id: UUID) -> AsyncIterator[RunningAudit]:
    """An audit with connections of its own."""
    database = servers.open_database()
    yield RunningAudit(servers, database, company_id)
    await database.close()
