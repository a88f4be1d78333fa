"""Inputs of stock import mutations."""

import strawberry

from models.imports import ErrorPolicy, ImportFormat, ImportMode


@strawberry.input(description="A file that you sent, and how its rows are to be taken.")
class StockImportStartInput:
    company_id: strawberry.ID = strawberry.field(
        description="The company whose stores the rows name by their codes."
    )
    upload_id: strawberry.ID = strawberry.field(
        description="What POST /imports answered: a file of yours, at most 64 MB."
    )
    format: ImportFormat = strawberry.field(
        description="CSV needs a first line that names the columns store, product (code or"
        " barcode) and quantity; JSONL has an object with these three keys on each line."
    )
    mode: ImportMode = strawberry.field(description="What a row's quantity means.")
    on_error: ErrorPolicy = strawberry.field(
        default=ErrorPolicy.ALL_OR_NOTHING, description="What bad rows do to the good ones."
    )
