"""Sets the stock of many products at once."""

from dataclasses import dataclass, field
from typing import Any

from models.imports import StockBulkUpdate
from models.stores import Store
from resolvers.context import Info
from resolvers.mutations import company_of, run_mutation
from resolvers.stock.inputs import StockBulkSetInput
from services.core.problems import parse_id
from services.stock import bulk_adjustments


@dataclass
class StockSetOutcome:
    """Result of `stockBulkSet`: what was set, and the errors of the other lines."""

    stock_bulk_update: StockBulkUpdate | None = None
    errors: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.stock_bulk_update is not None:
            self.errors = [
                *self.errors,
                *bulk_adjustments.skipped_line_problems(self.stock_bulk_update),
            ]


async def set_stock_levels(info: Info, input: StockBulkSetInput) -> StockSetOutcome:
    return await run_mutation(
        info,
        StockSetOutcome,
        lambda session: bulk_adjustments.set_stock_levels(session, **_args(info, input)),
        input=input,
        company_id=company_of(info, Store, input.store_id, "storeId"),
    )


def _args(info: Info, input: StockBulkSetInput) -> dict[str, Any]:
    return {
        "actor": info.context.actor,
        "store_id": parse_id(Store, input.store_id, "storeId"),
        "lines": input.to_lines(),
        "reason": input.reason,
        "note": input.note,
        "on_error": input.error_policy,
    }
