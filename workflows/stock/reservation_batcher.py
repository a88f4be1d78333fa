"""Reserves units for many orders in one transaction, so that a popular product stays fast.

A batch locks the stock rows in order, decides in the order of arrival, and writes once.
"""

from collections.abc import Mapping, Sequence
from uuid import UUID

from database.audit import AuditContext
from database.scope import PLATFORM
from database.sessions import Database
from services.core.request_batcher import RequestBatcher
from services.stock.reservation_decisions import (
    ReservationRequest,
    ReservationResult,
    reserve_batch,
)

MAX_BATCH_REQUESTS = 64
MAX_QUEUE_REQUESTS = 1_000
WORKER_COUNT = 2
ORIGIN = AuditContext("hold")


class ReservationBatcher(RequestBatcher[ReservationRequest, ReservationResult]):
    """Creates the reservations of this process. Start it in a running loop and close it."""

    def __init__(self, database: Database, workers: int = WORKER_COUNT) -> None:
        sizes = {"batch_requests": MAX_BATCH_REQUESTS, "queue_requests": MAX_QUEUE_REQUESTS}
        super().__init__("reservations", self._reserve, workers=workers, party=_company, **sizes)
        self._database = database

    async def reserve(
        self,
        company_id: UUID,
        store_id: UUID,
        order_id: UUID,
        quantities: Mapping[UUID, int],
        hold_seconds: float,
    ) -> ReservationResult:
        """Reserve all `quantities` (units by product) in one store for `hold_seconds`, or nothing.

        An order that has reservations already, in any store, gets the same result again. Raises
        Busy when the queue is full. A canceled call does not withdraw its request: the job that
        expires reservations does, later.
        """
        if not quantities or any(units < 1 for units in quantities.values()):
            raise ValueError("a reservation needs at least one unit of at least one product")
        request = ReservationRequest(company_id, store_id, order_id, dict(quantities), hold_seconds)
        return await self.submit(request)

    async def _reserve(self, batch: Sequence[ReservationRequest]) -> list[ReservationResult]:
        async with self._database.write(PLATFORM, ORIGIN) as session:
            return await reserve_batch(session, batch)


def _company(request: ReservationRequest) -> UUID:
    """The queue takes turns between companies, so that one company's rush delays no other."""
    return request.company_id
