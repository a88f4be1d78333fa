"""Reserves the units of a new order in the first possible store, exactly."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from database.scope import PLATFORM
from database.sessions import Database
from services.carts.basket_problems import DeliveryEstimateChanged, TotalChanged, shortages
from services.carts.sourcing_plans import SourcingPlan
from services.core.problems import DomainError, Problem
from services.core.request_batcher import ServiceOverloaded
from services.stock import reservations
from services.stock.reservation_decisions import (
    ReservationConflict,
    ReservationResult,
    ReservationShortage,
    ReservationSuccess,
    UnitsByStore,
)
from workflows.stock.reservation_batcher import ORIGIN, ReservationBatcher


@dataclass(frozen=True, slots=True)
class UnitReserver:
    """Reserves units for one order."""

    database: Database
    batcher: ReservationBatcher
    order_id: UUID
    payment_seconds: int

    async def own_units(self) -> UnitsByStore:
        """What an earlier try of the same request has reserved, by store and product."""
        async with self.database.read(PLATFORM) as session:
            return await reservations.reserved_units(session, self.order_id)

    async def reserve(self, plan: SourcingPlan, stores: Collection[UUID]) -> ReservationResult:
        """Reserve the units of a plan, in its store or in one of `stores` that has them already.

        Other units that an earlier try has left are released first.
        """
        result = await self._reserve(plan)
        elsewhere = isinstance(result, ReservationSuccess) and result.store_id not in stores
        if (elsewhere or isinstance(result, ReservationConflict)) and await self.release():
            result = await self._reserve(plan)
        return result

    async def release(self, plan: SourcingPlan | None = None) -> bool:
        """Release the units of the order, or only those of a plan; False when it was written."""
        units = {plan.serving_store.store.id: plan.units} if plan else None
        async with self.database.write(PLATFORM, ORIGIN) as session:
            return await reservations.release_unwritten(session, self.order_id, units)

    async def _reserve(self, plan: SourcingPlan) -> ReservationResult:
        store = plan.serving_store.store
        seconds = self.payment_seconds + reservations.RESERVATION_GRACE_SECONDS
        return await self.batcher.reserve(
            store.company_id, store.id, self.order_id, plan.units, seconds
        )


async def reserve_units(reserver: UnitReserver, plans: Sequence[SourcingPlan]) -> SourcingPlan:
    """Reserve the units of the first possible plan; returns the plan of the store that has them.

    Raises DomainError with the problems of the nearest store, Busy while an equal request places
    the order.
    """
    problems_by_plan: list[list[Problem]] = []
    possible = {plan.serving_store.store.id: plan for plan in plans if not plan.problems}
    for plan in plans:
        if plan.problems:
            problems_by_plan.append(list(plan.problems))
            continue
        result = await reserver.reserve(plan, possible)
        if isinstance(result, ReservationSuccess) and result.store_id in possible:
            return possible[result.store_id]
        if not isinstance(result, ReservationShortage):
            raise DomainError(
                ServiceOverloaded(message="This order is being placed: ask again in a moment.")
            )
        problems_by_plan.append([*shortages(plan.line_numbers, dict(result.shortages), plan.units)])
    nearest, *others = problems_by_plan
    only = [problems[0] for problems in others if len(problems) == 1]
    # A more distant store could deliver everything, later or at another total than the client
    # showed.
    if later := [problem for problem in only if isinstance(problem, DeliveryEstimateChanged)]:
        raise DomainError(later[0])
    price_changes = [problem for problem in only if isinstance(problem, TotalChanged)]
    price_changed = any(isinstance(problem, TotalChanged) for problem in nearest)
    raise DomainError(*nearest, *([] if price_changed else price_changes[:1]))
