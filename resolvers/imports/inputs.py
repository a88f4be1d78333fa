"""Inputs of stock import mutations."""

from datetime import datetime

import strawberry

from models.imports import ErrorPolicy, StockImportFormat, StockImportMode


@strawberry.input(description="Input of `stockImportStart`.")
class StockImportStartInput:
    company_id: strawberry.ID = strawberry.field(
        description="The company whose stores the rows name by code."
    )
    stock_import_file_id: strawberry.ID = strawberry.field(
        description="The `stockImportFileId` in the answer to POST /imports, whose body is the file"
        " itself (at most 64 MB), not a form; `?name=` gives the file's name."
    )
    format: StockImportFormat = strawberry.field(
        description="CSV needs a header line that names the columns store, product (code or"
        " barcode) and quantity, in any order; JSONL has an object with these three keys on each"
        " line."
    )
    mode: StockImportMode = strawberry.field(description="Meaning of the quantity of a row.")
    as_of: datetime | None = strawberry.field(
        default=None,
        description="Time for which the quantities of a SET file are valid, at most 7 days ago;"
        " default: the time of the upload. Goods sold, received or moved otherwise since then are"
        " added to them; counts and other corrections since then are replaced, also what was taken"
        " off sale as out of stock.",
    )
    error_policy: ErrorPolicy = strawberry.field(
        default=ErrorPolicy.ALL_OR_NOTHING, description="Effect of invalid rows on valid ones."
    )
