"""Root fields of stock imports and bulk adjustments."""

from collections.abc import AsyncIterator

import strawberry

from resolvers.imports import stock_imports as stock_import_resolvers
from resolvers.rules import MANAGER, STORE
from resolvers.stock import bulk_adjustments
from schema.backing import field, mutation, stream
from schema.imports.stock_imports import (
    StockImportChangedType,
    StockImportErrorType,
    StockImportFileType,
    StockImportStartPayload,
    StockImportType,
)
from schema.pages import ConnectionType
from schema.stock.bulk_adjustments import StockBulkSetPayload
from subscriptions import imports


@strawberry.type
class StockImportQuery:
    stock_import: StockImportType | None = field(
        stock_import_resolvers.get_import,
        "A stock import by its id, with its progress.",
        allow=MANAGER,
    )
    stock_imports: ConnectionType[StockImportType] | None = field(
        stock_import_resolvers.list_of_company,
        "The stock imports of a company, newest first.",
        allow=MANAGER,
    )
    stock_import_errors: ConnectionType[StockImportErrorType] | None = field(
        stock_import_resolvers.list_errors,
        "The invalid rows of an import, in the order of the file.",
        allow=MANAGER,
    )

    stock_import_files: list[StockImportFileType] | None = field(
        stock_import_resolvers.list_uploads,
        "The caller's uploaded files that are not imported yet.",
        allow=MANAGER,
    )


@strawberry.type
class StockImportMutation:
    stock_import_start: StockImportStartPayload | None = mutation(
        stock_import_resolvers.start,
        "Imports a stock file that was uploaded by POST /imports.",
        allow=MANAGER,
    )
    stock_bulk_set: StockBulkSetPayload | None = mutation(
        bulk_adjustments.set_stock_levels,
        "Sets the stock levels of many products of a store at once.",
        allow=STORE,
    )


@strawberry.type
class StockImportSubscription:
    stock_import_changed: AsyncIterator[StockImportChangedType] = stream(
        imports.watch_stock_import,
        "Streams the progress of a stock import.",
        allow=MANAGER,
    )
