"""Parses stock files: bytes in, rows out, each with its problem if it has one.

A row has the number of the line at which it begins, as any editor shows it, and parsing can
continue at the start of any row.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from models.imports import StockImportErrorCode, StockImportFormat, StockImportMode
from models.message_text import count_text, number_text
from services.catalog.product_codes import unspaced_gtin
from services.imports import file_layout
from services.imports.cell_values import (
    FORMAT_AS_TEXT,
    NotWhole,
    code_damage,
    parse_whole_number,
    unwrap_text,
)
from services.imports.csv_records import (
    MAX_LINE_CHARACTERS,
    CsvRecord,
    FileLines,
    read_records,
    split_lines,
)
from services.imports.file_encoding import clean_text, unreadable
from services.imports.file_layout import FileLayout, parse_object
from services.stock.stock_writer import MAX_ON_HAND_UNITS

MAX_TEXT_LENGTH = 100
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")
MAX_ADD_UNITS = 100_000
COLUMNS: Mapping[str, Sequence[str]] = {
    "store": ("store", "store_code"),
    "product": ("product", "product_code", "code", "barcode", "sku", "ean", "gtin"),
    "quantity": ("quantity", "units", "on_hand", "qty"),
}
EXPECTED_TEXTS = {
    "store": (
        StockImportErrorCode.UNKNOWN_STORE,
        "The column store is empty: it takes the code of a store.",
    ),
    "product": (
        StockImportErrorCode.UNKNOWN_PRODUCT,
        "The column product is empty: it takes a code or barcode.",
    ),
}


@dataclass(frozen=True, slots=True)
class ImportRow:
    """A row of the file: its cells, the parsed units, and its problem if it has one.

    Without a fault, `message` is what a spreadsheet seems to have done to the code; it is the
    reason if no product has this code.
    """

    number: int
    store: str = ""
    product: str = ""
    quantity: str = ""
    units: int | None = None
    fault: StockImportErrorCode | None = None
    field: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class ParsedChunk:
    """The rows of a chunk, and the bytes and lines that they take."""

    rows: Sequence[ImportRow]
    size_bytes: int
    line_count: int


def detect_layout(head: bytes | None, size_bytes: int, format: StockImportFormat) -> FileLayout:
    """Detect the layout of a stock file. Raises DomainError: InvalidFile."""
    return file_layout.detect_layout(head, size_bytes, format, COLUMNS)


def parse_chunk(
    data: bytes, last: bool, before: int, layout: FileLayout, mode: StockImportMode
) -> ParsedChunk:
    """Parse the complete rows of a chunk that begins after `before` lines.

    `last` marks the end of the file. Blank lines and those up to the header are no rows. Raises
    DomainError: InvalidFile when a line is longer than the chunk.
    """
    file = split_lines(data, last, layout.encoding)
    rows, line_count = [], 0
    read = _read_objects if layout.format is StockImportFormat.JSONL else _read_cells
    for number, end, row in read(file, before, layout, mode):
        line_count = end - before
        if row is not None and number > layout.header_lines:
            rows.append(row)
    if data and not line_count:
        raise unreadable(f"A line is longer than {number_text(len(data))} bytes.")
    return ParsedChunk(rows, file.size(line_count), line_count)


RowsOfChunk = Iterator[tuple[int, int, ImportRow | None]]
"""Number of the first and last line of each row, and the row; None for a blank line."""


def _read_cells(
    file: FileLines, before: int, layout: FileLayout, mode: StockImportMode
) -> RowsOfChunk:
    for record in read_records(file, layout.delimiter, before):
        row = _row_of_record(record, layout, mode)
        yield record.number, record.number + record.line_count - 1, row


def _row_of_record(
    record: CsvRecord, layout: FileLayout, mode: StockImportMode
) -> ImportRow | None:
    number, cells = record.number, record.cells
    if record.problem:
        return _malformed(number, record.problem)
    if not any(cell.strip() for cell in cells):
        return None
    if len(cells) <= max(layout.column_indexes) or any(
        cell.strip() for cell in cells[layout.column_count :]
    ):
        cell_count = count_text(len(cells), "cell")
        expected = f"The line has {cell_count}, the header has {layout.column_count}"
        return _malformed(number, f"{expected}: quote cells that contain {layout.delimiter!r}.")
    texts = [layout.encoding.decode_cell(cells[index]) for index in layout.column_indexes]
    if None in texts:
        field = list(COLUMNS)[texts.index(None)]
        message = f"The column {field} is not text in {layout.encoding.name}."
        return replace(_malformed(number, message), field=field)
    store, product, quantity = (unwrap_text(clean_text(text or "")) for text in texts)
    row = ImportRow(number, store, product, quantity.replace("\0", ""))
    return _checked_row(row, mode, lambda: parse_whole_number(row.quantity, layout.decimal_sign))


def _read_objects(
    file: FileLines, before: int, layout: FileLayout, mode: StockImportMode
) -> RowsOfChunk:
    for number, line in enumerate(file.lines, before + 1):
        view = line.replace(layout.encoding.bom, "").strip()
        yield number, number, _row_of_line(number, view, layout, mode) if view else None


def _row_of_line(number: int, view: str, layout: FileLayout, mode: StockImportMode) -> ImportRow:
    if len(view) > MAX_LINE_CHARACTERS:
        message = f"The line is longer than {number_text(MAX_LINE_CHARACTERS)} characters."
        return _malformed(number, message)
    fields = parse_object(layout.encoding.decode_cell(view) or "")
    if not isinstance(fields, dict):
        return _malformed(number, "The line is not a JSON object.")
    found = {key: [name for name in names if name in fields] for key, names in COLUMNS.items()}
    for column, names in found.items():
        if len(names) > 1:
            return _malformed(number, f"The object has {column} twice: {', '.join(names)}.")
    store, product, quantity = (fields[names[0]] if names else None for names in found.values())
    if not isinstance(store, str) or not isinstance(product, str):
        return _malformed(number, "store and product are texts.")
    row = ImportRow(number, clean_text(store), clean_text(product), str(quantity).replace("\0", ""))
    return _checked_row(row, mode, lambda: _number_of_json(quantity))


def _number_of_json(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise NotWhole("it is not a number")
    if not float(value).is_integer():
        raise NotWhole("it has a fraction")
    return int(value)


def _checked_row(row: ImportRow, mode: StockImportMode, parse: Callable[[], int]) -> ImportRow:
    """The row with its units, or with its first problem."""
    if CONTROL.search(row.store) or CONTROL.search(row.product):
        return _malformed(row.number, "The line has characters that are no text.")
    if max(len(row.store), len(row.product), len(row.quantity)) > MAX_TEXT_LENGTH:
        row = _shortened(row)
    for field, (fault, message) in EXPECTED_TEXTS.items():
        if not getattr(row, field):
            return replace(row, fault=fault, field=field, message=message)
    low, high = (
        (-MAX_ADD_UNITS, MAX_ADD_UNITS) if mode is StockImportMode.ADD else (0, MAX_ON_HAND_UNITS)
    )
    expected = f"A quantity is a whole number from {number_text(low)} to {number_text(high)}"
    try:
        units = parse()
    except NotWhole as error:
        fault = (
            StockImportErrorCode.DAMAGED
            if error.by_spreadsheet
            else StockImportErrorCode.INVALID_QUANTITY
        )
        hint = f" {FORMAT_AS_TEXT[0].upper()}{FORMAT_AS_TEXT[1:]}" if error.by_spreadsheet else ""
        return replace(row, fault=fault, field="quantity", message=f"{expected}: {error}.{hint}")
    if not low <= units <= high:
        fault = StockImportErrorCode.INVALID_QUANTITY
        return replace(row, fault=fault, field="quantity", message=f"{expected}.")
    damage = code_damage(row.product)
    product = unspaced_gtin(row.product)
    return ImportRow(row.number, row.store, product, row.quantity, units, message=damage)


def _shortened(row: ImportRow) -> ImportRow:
    texts = (row.store, row.product, row.quantity)
    store, product, quantity = (text[:MAX_TEXT_LENGTH] for text in texts)
    return replace(row, store=store, product=product, quantity=quantity)


def _malformed(number: int, message: str) -> ImportRow:
    return ImportRow(number, fault=StockImportErrorCode.MALFORMED, message=message)
