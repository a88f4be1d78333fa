"""GraphQL types of stock imports."""

from datetime import datetime
from typing import Annotated

import strawberry

from dataloaders import imports as load
from models.companies import Company
from models.events import MessageKind
from models.imports import (
    ErrorPolicy,
    ImportFormat,
    ImportMode,
    ImportStatus,
    RowFault,
    StockImport,
    StockImportRow,
    StockUpload,
)
from resolvers.imports import stock_imports as resolve
from resolvers.shared_inputs import BigInt
from schema.backing import backed_by, column, field, related
from schema.fields import id_field
from schema.nodes import NodeType
from schema.problems import InvalidInputType, NotFoundType, ProblemType, RateLimitedType
from services.imports import file_reader
from subscriptions import imports


@backed_by(StockUpload, "A file that you sent and did not import yet; kept for a day.")
class StockUploadType(NodeType):
    id: strawberry.ID = id_field(StockUpload)
    name: str = column("What you called it.")
    size_bytes: BigInt = column("Its size.")
    created_at: datetime = column("When it came.")


@backed_by(StockImport, "A file of stock on its way into the books.")
class StockImportType(NodeType):
    id: strawberry.ID = id_field(StockImport)
    status: ImportStatus = column("How far it is.")
    company_id: strawberry.ID = id_field(Company, "The company.", by="company_id")
    file_name: str = column("What whoever sent it called the file.")
    format: ImportFormat = column("How it is written.")
    mode: ImportMode = column("What a row's quantity means.")
    on_error: ErrorPolicy = column("What bad rows do to the good ones.")
    rows_total: int = column("Rows read so far; all of them once it is not READING any more.")
    rows_done: int = column("Rows whose shelf is as they say now.")
    rows_failed: int = column("Rows that are bad.")
    failure: str = column("Why it failed, in a sentence; empty unless it did.")
    error_file: str | None = field(
        resolve.error_file,
        "Where the bad rows are as CSV, to be fetched with your access token; null without any.",
    )
    started_at: datetime = column("When it began.")
    finished_at: datetime | None = column("When it was over.")


@backed_by(StockImportRow, "A bad row of an imported file.")
class StockImportErrorType:
    line: int = column("Its line in the file, from 1 on.")
    field: str = column("The column that is wrong; empty for the whole row.")
    fault: RowFault | None = column("What is wrong with it.")
    message: str = column("A sentence for people.")
    store: str = column("What stood in the column store.")
    product: str = column("What stood in the column product.")
    quantity: str = column("What stood in the column quantity.")


@backed_by(imports.StockImportChanged, "A message about an import, at most four a second.")
class StockImportChangedType:
    kind: MessageKind = column("Whether it is a snapshot or an event.")
    cursor: str = column("Give it as `after` to continue right behind this message.")
    stock_import: StockImportType | None = related(
        load.import_by_id, "The import as it is now.", by="import_id"
    )


@backed_by(file_reader.UnreadableFile, "The file is not what its format says.")
class UnreadableFileType(ProblemType):
    pass


StockImportStartError = Annotated[
    NotFoundType | InvalidInputType | UnreadableFileType | RateLimitedType,
    strawberry.union("StockImportStartError", description="Why nothing is imported."),
]


@backed_by(resolve.StockImportOutcome, "What stockImportStart did.")
class StockImportStartPayload:
    stock_import: StockImportType | None = column("The import; null when none began.")
    errors: list[StockImportStartError] = column("Every reason why nothing was done.")
