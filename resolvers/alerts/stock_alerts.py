"""Stock alerts and reorder points."""

from dataclasses import dataclass, field
from typing import Annotated, Any

import strawberry

from models.alerts import StockAlert, StockAlertAction, StockAlertKind, StockAlertStatus
from models.catalog import Product
from models.companies import Company
from models.stores import Store
from resolvers.alerts.inputs import (
    StockAlertAcknowledgeInput,
    StockAlertSnoozeInput,
    StockReorderPointSetInput,
)
from resolvers.context import Info
from resolvers.mutations import company_of, run_mutation
from services.alerts import stock_alerts
from services.core.pages import Page
from services.core.problems import parse_id, parse_optional_id

StoreId = Annotated[
    strawberry.ID | None,
    strawberry.argument(
        description="A store in which the caller works; takes precedence over companyId."
    ),
]
CompanyId = Annotated[
    strawberry.ID | None,
    strawberry.argument(
        description="A company of which the caller is an admin: alerts of all its stores. Super"
        " admins may leave out both."
    ),
]
Kinds = Annotated[list[StockAlertKind] | None, strawberry.argument(description="Only these kinds.")]
Statuses = Annotated[
    list[StockAlertStatus] | None,
    strawberry.argument(description="Only these statuses; all that are not RESOLVED if left out."),
]
First = Annotated[int, strawberry.argument(description="Number of rows, from 1 to 100.")]
After = Annotated[str | None, strawberry.argument(description="The cursor to continue after.")]


@dataclass
class AlertOutcome:
    """Result of a mutation of an alert: the alert, or the errors."""

    stock_alert: StockAlert | None = None
    errors: list[Any] = field(default_factory=list)


@dataclass
class ReorderPointOutcome:
    """Result of `stockReorderPointSet`: the reorder point, or the errors."""

    reorder_point: stock_alerts.ReorderPoint | None = None
    errors: list[Any] = field(default_factory=list)


async def list_alerts(
    info: Info,
    first: First,
    after: After = None,
    store_id: StoreId = None,
    company_id: CompanyId = None,
    types: Kinds = None,
    statuses: Statuses = None,
) -> Page[StockAlert]:
    store = parse_optional_id(Store, store_id, "storeId")
    company = parse_optional_id(Company, company_id, "companyId")
    async with info.context.read() as session:
        return await stock_alerts.list_alerts(
            session, actor=info.context.actor, first=first, cursor=after,
            filters=stock_alerts.AlertFilter(store, company, types, statuses),
        )  # fmt: skip


async def acknowledge(info: Info, input: StockAlertAcknowledgeInput) -> AlertOutcome:
    return await run_mutation(
        info,
        AlertOutcome,
        lambda session: stock_alerts.acknowledge(session, **_step_args(info, input)),
        input=input,
        company_id=company_of(info, StockAlert, input.stock_alert_id, "stockAlertId"),
    )


async def snooze(info: Info, input: StockAlertSnoozeInput) -> AlertOutcome:
    return await run_mutation(
        info,
        AlertOutcome,
        lambda session: stock_alerts.snooze(session, until=input.until, **_step_args(info, input)),
        input=input,
        company_id=company_of(info, StockAlert, input.stock_alert_id, "stockAlertId"),
    )


def _step_args(
    info: Info, input: StockAlertAcknowledgeInput | StockAlertSnoozeInput
) -> dict[str, Any]:
    return {
        "actor": info.context.actor,
        "alert_id": parse_id(StockAlert, input.stock_alert_id, "stockAlertId"),
    }


async def set_reorder_point(info: Info, input: StockReorderPointSetInput) -> ReorderPointOutcome:
    return await run_mutation(
        info,
        ReorderPointOutcome,
        lambda session: stock_alerts.set_reorder_point(session, **_point_args(info, input)),
        input=input,
        company_id=company_of(info, Store, input.store_id, "storeId"),
    )


def _point_args(info: Info, input: StockReorderPointSetInput) -> dict[str, Any]:
    return {
        "actor": info.context.actor,
        "store_id": parse_id(Store, input.store_id, "storeId"),
        "product_id": parse_optional_id(Product, input.product_id, "productId"),
        "units": input.units,
    }


def available_actions(parent: strawberry.Parent[StockAlert], info: Info) -> list[StockAlertAction]:
    return stock_alerts.MACHINE.available_actions(parent, info.context.actor)
