"""Many shelves set at once by a store's staff."""

from dataclasses import dataclass, field
from typing import Any

from models.imports import StockSet
from models.stores import Store
from resolvers.context import Info
from resolvers.mutations import attempt, of
from resolvers.stock.inputs import StockSetManyInput
from services.core.problems import key_of
from services.stock import bulk_adjustments


@dataclass
class StockSetOutcome:
    """What `stockSetMany` answers: what was set, and why other lines were not."""

    stock_set: StockSet | None = None
    errors: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.stock_set is not None:
            self.errors = [*self.errors, *bulk_adjustments.refused(self.stock_set)]


async def set_many(info: Info, input: StockSetManyInput) -> StockSetOutcome:
    return await attempt(
        info,
        StockSetOutcome,
        lambda session: bulk_adjustments.set_many(session, **_lines(info, input)),
        input=input,
        company_id=of(info, Store, input.store_id, "storeId"),
    )


def _lines(info: Info, input: StockSetManyInput) -> dict[str, Any]:
    return {
        "actor": info.context.actor,
        "store_id": key_of(Store, input.store_id, "storeId"),
        "lines": input.said(),
        "reason": input.reason,
        "note": input.note,
        "on_error": input.on_error,
    }
