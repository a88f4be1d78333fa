"""Grants holds of many orders in one transaction, so that a product everybody wants stays fast.

A batch locks the counter rows in order, grants in the order of arrival, and writes once.
"""

from collections.abc import Mapping, Sequence
from uuid import UUID

from database.scope import PLATFORM
from database.sessions import Database, Origin
from services.core.request_batcher import Together
from services.stock.reservation_decisions import Held, Request, Short, grant

BATCH_REQUESTS = 64
QUEUE_REQUESTS = 1_000
WORKERS = 2
ORIGIN = Origin("hold")


class Combiner(Together[Request, Held | Short]):
    """The one door to new holds of a process. Start it in a running loop, close it at the end."""

    def __init__(self, database: Database, workers: int = WORKERS) -> None:
        sizes = {"batch_requests": BATCH_REQUESTS, "queue_requests": QUEUE_REQUESTS}
        super().__init__("combiner", self._granted, workers=workers, party=_company, **sizes)
        self._database = database

    async def hold(
        self,
        company_id: UUID,
        store_id: UUID,
        order_id: UUID,
        wanted: Mapping[UUID, int],
        hold_seconds: float,
    ) -> Held | Short:
        """Hold all of `wanted` (units by product) in one store for `hold_seconds`, or nothing.

        Equal for an order that holds already, wherever that is. Refused when the queue is full.
        A caller that gives up does not take its request back: the sweeper does, later.
        """
        if not wanted or any(units < 1 for units in wanted.values()):
            raise ValueError("a hold is of at least one unit of at least one product")
        request = Request(company_id, store_id, order_id, dict(wanted), hold_seconds)
        return await self.ask(request)

    async def _granted(self, batch: Sequence[Request]) -> list[Held | Short]:
        async with self._database.write(PLATFORM, ORIGIN) as session:
            return await grant(session, batch)


def _company(request: Request) -> UUID:
    """Companies have their turns: what one of them sells out keeps no other waiting."""
    return request.company_id
