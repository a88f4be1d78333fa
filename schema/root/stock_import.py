"""Root fields of files of stock, and of many shelves set at once."""

from collections.abc import AsyncIterator

import strawberry

from resolvers import stock_import as resolve
from resolvers import stock_set
from resolvers.rules import MANAGER, STORE
from schema.backing import field, mutation, stream
from schema.page import Connection
from schema.stock_import import (
    StockImport,
    StockImportChanged,
    StockImportError,
    StockImportStartPayload,
    StockUpload,
)
from schema.stock_set import StockSetManyPayload
from subscriptions import stock_import as watch


@strawberry.type
class Query:
    stock_import: StockImport | None = field(
        resolve.one, "The import of a file, and how far it is.", allow=MANAGER
    )
    stock_imports: Connection[StockImport] | None = field(
        resolve.of_company, "The imports of your company, newest first.", allow=MANAGER
    )
    stock_import_errors: Connection[StockImportError] | None = field(
        resolve.errors, "The bad rows of an import, in the order of its file.", allow=MANAGER
    )

    stock_uploads: list[StockUpload] | None = field(
        resolve.uploads, "The files you sent that still wait to be imported.", allow=MANAGER
    )


@strawberry.type
class Mutation:
    stock_import_start: StockImportStartPayload = mutation(
        resolve.start, "Import a file that was sent by POST /imports.", allow=MANAGER
    )
    stock_set_many: StockSetManyPayload = mutation(
        stock_set.set_many, "Set many shelves of your store at once.", allow=STORE
    )


@strawberry.type
class Subscription:
    stock_import_changed: AsyncIterator[StockImportChanged] = stream(
        watch.changed, "How far the import of a file is, whenever that changes.", allow=MANAGER
    )
