"""Makes minutes of waiting short: moves the times of one order into the past.

The only SQL of the demo. All else of it goes through the graph.
"""

from dataclasses import dataclass

import asyncpg

CONNECT_SECONDS = 10.0
ROLE = "darkstore_app"
NEWEST_ORDER = """select id from "order" where code = $1 order by placed_at desc limit 1"""
END_PAYMENT_DEADLINE = """update "order" set payment_due_at = now() where id = $1"""
WAIT_AT_THE_DOOR = """
update delivery set arrived_at = arrived_at - interval '6 min',
    at_door_since = at_door_since - interval '6 min'
where order_id = $1
"""
BE_SILENT = """
with ride as (
    update delivery set assigned_at = assigned_at - interval '9 min'
    where order_id = $1 returning rider_id
)
update rider_position set recorded_at = recorded_at - interval '9 min'
where rider_id in (select rider_id from ride)
"""
GO_UNANSWERED = """
update payment set tries = 9, due_at = now() where is_current and order_id = $1
"""


@dataclass(frozen=True, slots=True)
class TimeLapse:
    """Lets time pass for one order, by its code."""

    database_url: str

    async def end_payment_deadline(self, code: str) -> None:
        """The five minutes in which a lost payment can be confirmed again."""
        await self._run(END_PAYMENT_DEADLINE, code)

    async def wait_at_the_door(self, code: str) -> None:
        """Six minutes in which nobody opens the door."""
        await self._run(WAIT_AT_THE_DOOR, code)

    async def be_silent(self, code: str) -> None:
        """Nine minutes without a position of the rider."""
        await self._run(BE_SILENT, code)

    async def go_unanswered(self, code: str) -> None:
        """The minutes of nine tries that the provider does not answer."""
        await self._run(GO_UNANSWERED, code)

    async def _run(self, statement: str, code: str) -> None:
        dsn = self.database_url.replace("+asyncpg", "", 1)
        connection = await asyncpg.connect(dsn, timeout=CONNECT_SECONDS)
        try:
            async with connection.transaction():
                await connection.execute(f"set local role {ROLE}")
                await connection.execute("select set_config('app.platform', 'on', true)")
                order_id = await connection.fetchval(NEWEST_ORDER, code)
                await connection.execute(statement, order_id)
        finally:
            await connection.close()
