"""GraphQL types of stock imports."""

from datetime import datetime
from typing import Annotated

import strawberry

from dataloaders import imports as load
from models.companies import Company
from models.events import StreamMessageKind
from models.imports import (
    ErrorPolicy,
    StockImport,
    StockImportErrorCode,
    StockImportFile,
    StockImportFormat,
    StockImportMode,
    StockImportRow,
    StockImportStatus,
)
from resolvers.imports import stock_imports as resolve
from resolvers.shared_inputs import SafeInt
from schema.backing import backed_by, column, field, related
from schema.fields import id_field
from schema.nodes import NodeType
from schema.problems import InvalidInputType, NotFoundType, ProblemType, RateLimitedType
from services.imports import file_encoding
from subscriptions import imports


@backed_by(StockImportFile, "An uploaded file that is not imported yet; stored for a day.")
class StockImportFileType(NodeType):
    id: strawberry.ID = id_field(StockImportFile)
    name: str = column("Its file name.")
    size_bytes: SafeInt = column("Its size in bytes.")
    created_at: datetime = column("Time of the upload.")


@backed_by(StockImport, "The import of a stock file.")
class StockImportType(NodeType):
    id: strawberry.ID = id_field(StockImport)
    status: StockImportStatus = column("Its status.")
    company_id: strawberry.ID = id_field(Company, "The company.", by="company_id")
    file_name: str = column("Name of the file.")
    format: StockImportFormat = column("Format of the file.")
    mode: StockImportMode = column("Meaning of the quantity of a row.")
    as_of: datetime = column("Time for which the quantities of a SET file are valid.")
    error_policy: ErrorPolicy = column("Effect of invalid rows on valid ones.")
    row_count: int = column("Rows read so far; all rows after READING.")
    processed_row_count: int = column("Rows that were applied.")
    failed_row_count: int = column("Invalid rows.")
    failure: str = column("Why it failed; empty unless it failed.")
    error_file_url: str | None = field(
        resolve.error_file_url,
        "URL of the invalid rows as CSV, which needs the access token; null if there are none.",
    )
    started_at: datetime = column("Time when it started.")
    finished_at: datetime | None = column("Time when it ended.")


@backed_by(StockImportRow, "An invalid row of an imported file.")
class StockImportErrorType:
    line_number: int = column("Line number in the file, from 1.")
    field: str = column("The invalid column; empty if the whole row is invalid.")
    code: StockImportErrorCode | None = column("Why it is invalid.")
    message: str = column("Message for people.")
    store: str = column("Content of the column store.")
    product: str = column("Content of the column product.")
    quantity: str = column("Content of the column quantity.")


@backed_by(imports.StockImportChanged, "A message about an import, at most four a second.")
class StockImportChangedType:
    kind: StreamMessageKind = column("Whether it is a snapshot or an event.")
    cursor: str = column("Pass it as `after` to continue after this message.")
    stock_import: StockImportType | None = related(
        load.import_by_id, "The current state of the import.", by="import_id"
    )


@backed_by(file_encoding.InvalidFile, "The file does not match its format.")
class InvalidFileType(ProblemType):
    pass


StockImportStartError = Annotated[
    NotFoundType | InvalidInputType | InvalidFileType | RateLimitedType,
    strawberry.union(
        "StockImportStartError", description="Problems that `stockImportStart` can return."
    ),
]


@backed_by(resolve.StockImportOutcome, "Result of `stockImportStart`.")
class StockImportStartPayload:
    stock_import: StockImportType | None = column("The import; null if the mutation was rejected.")
    errors: list[StockImportStartError] = column("The problems; empty if the mutation succeeded.")
