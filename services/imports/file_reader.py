"""Parses stock files: lines in, rows out, each with its problem if it has one.

A row is one line of the file: its number identifies it in any editor, and parsing can continue at
the start of any line. Files are UTF-8, with or without a byte order mark.
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from models.imports import ImportFormat, ImportMode, RowFault
from services.core.problems import DomainError, Problem
from services.stock.stock_writer import MAX_ON_HAND_UNITS

MAX_HEAD_BYTES = 4_096
MAX_LINE_BYTES = 2_000
MAX_TEXT_LENGTH = 100
MAX_ADD_UNITS = 100_000
BOM = "\ufeff"
DELIMITERS = ",;\t"
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "store": ("store", "store_code"),
    "product": ("product", "product_code", "code", "barcode", "sku", "ean"),
    "quantity": ("quantity", "units", "on_hand"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadableFile(Problem):
    """The file does not have its declared format."""


@dataclass(frozen=True, slots=True)
class FileLayout:
    """The format of a file; for CSV its delimiter and the columns of store, product, quantity."""

    format: ImportFormat
    delimiter: str = ","
    column_indexes: tuple[int, int, int] = (0, 1, 2)


@dataclass(frozen=True, slots=True)
class ImportRow:
    """A line of the file: its cells, the parsed units, and its problem if it has one."""

    number: int
    store: str = ""
    product: str = ""
    quantity: str = ""
    units: int | None = None
    fault: RowFault | None = None
    field: str = ""
    message: str = ""


def decode_head(data: bytes) -> str | None:
    """The first lines of a file as text; None when it is not UTF-8 text."""
    if b"\0" in data:
        return None
    cut = data.rfind(b"\n") + 1 if len(data) >= MAX_HEAD_BYTES else len(data)
    try:
        return data[: cut or len(data)].decode("utf-8-sig")
    except UnicodeDecodeError:
        return None


def detect_layout(head: str | None, format: ImportFormat) -> FileLayout:
    """Detect the layout of a file from its first lines. Raises DomainError: UnreadableFile."""
    if head is None:
        raise _unreadable("The file is not text in UTF-8.")
    first = next((line for line in head.splitlines() if line.strip()), "")
    if not first:
        raise _unreadable("The file is empty.")
    if format is ImportFormat.JSONL:
        if not isinstance(_parse_json(first), dict):
            raise _unreadable("Its first line is not a JSON object.")
        return FileLayout(format)
    delimiter = max(DELIMITERS, key=first.count)
    names = [name.strip().lower() for name in _cells(first, delimiter) or ()]
    indexes = [_column_index(names, column) for column in COLUMNS]
    missing = [column for column, index in zip(COLUMNS, indexes, strict=True) if index is None]
    if missing:
        message = f"Its first line does not name the columns {', '.join(COLUMNS)}"
        raise _unreadable(f"{message}: {', '.join(missing)} not found.")
    store, product, quantity = (index or 0 for index in indexes)
    return FileLayout(format, delimiter, (store, product, quantity))


def split_whole_lines(data: bytes, last: bool) -> tuple[list[bytes], int]:
    """Split a chunk into its complete lines; returns them and their size in bytes.

    `last` marks the end of the file, which ends the last line too. Raises DomainError:
    UnreadableFile when a line is longer than the chunk.
    """
    cut = len(data) if last else data.rfind(b"\n") + 1
    if data and not cut:
        raise _unreadable(f"A line is longer than {len(data)} bytes.")
    lines = data[:cut].split(b"\n")
    if lines and not lines[-1]:
        lines.pop()
    return lines, cut


def parse_rows(
    lines: Sequence[bytes], before: int, layout: FileLayout, mode: ImportMode
) -> list[ImportRow]:
    """Parse lines, of which the first has the number `before` + 1; blank lines are skipped.

    The header line of a CSV file is not a row.
    """
    rows = []
    for number, line in enumerate(lines, before + 1):
        if not line.strip() or (number == 1 and layout.format is ImportFormat.CSV):
            continue
        rows.append(_parse_row(number, line, layout, mode))
    return rows


def _parse_row(number: int, line: bytes, layout: FileLayout, mode: ImportMode) -> ImportRow:
    if len(line) > MAX_LINE_BYTES:
        return _malformed(number, f"The line is longer than {MAX_LINE_BYTES} bytes.")
    try:
        text = line.decode().strip("\r").removeprefix(BOM)
    except UnicodeDecodeError:
        return _malformed(number, "The line is not UTF-8.")
    if "\0" in text:
        return _malformed(number, "The line has characters that are no text.")
    if layout.format is ImportFormat.JSONL:
        return _row_of_object(number, _parse_json(text), mode)
    cells = _cells(text, layout.delimiter)
    if cells is None or len(cells) <= max(layout.column_indexes):
        return _malformed(number, "The line has too few columns, or a quote that never ends.")
    store, product, quantity = (cells[index].strip() for index in layout.column_indexes)
    return _checked_row(number, store, product, quantity, _parse_units(quantity), mode)


def _row_of_object(number: int, fields: Any, mode: ImportMode) -> ImportRow:
    if not isinstance(fields, dict):
        return _malformed(number, "The line is not a JSON object.")
    store, product, quantity = (
        next((fields[name] for name in names if name in fields), None) for names in COLUMNS.values()
    )
    if not isinstance(store, str) or not isinstance(product, str):
        return _malformed(number, "store and product are texts.")
    if isinstance(quantity, bool) or not isinstance(quantity, int):
        quantity = str(quantity)
    units = quantity if isinstance(quantity, int) else None
    return _checked_row(number, store.strip(), product.strip(), str(quantity), units, mode)


def _checked_row(
    number: int, store: str, product: str, quantity: str, units: int | None, mode: ImportMode
) -> ImportRow:
    if "\0" in store + product + quantity:
        return _malformed(number, "The line has characters that are no text.")
    store, product, quantity = (cell[:MAX_TEXT_LENGTH] for cell in (store, product, quantity))
    min_units, max_units = 0, MAX_ON_HAND_UNITS
    if mode is ImportMode.ADD:
        min_units, max_units = -MAX_ADD_UNITS, MAX_ADD_UNITS
    if units is None or not min_units <= units <= max_units:
        message = f"A quantity is a whole number from {min_units} to {max_units}."
        return ImportRow(
            number, store, product, quantity, None, RowFault.INVALID_QUANTITY, "quantity", message
        )
    return ImportRow(number, store, product, quantity, units)


def _malformed(number: int, message: str) -> ImportRow:
    return ImportRow(number, fault=RowFault.MALFORMED, message=message)


def _parse_units(text: str) -> int | None:
    """Parse a whole number with an optional sign; None for anything but ASCII digits."""
    digits = text[1:] if text[:1] in ("-", "+") else text
    return int(text) if digits.isascii() and digits.isdigit() and len(digits) < 12 else None


def _cells(line: str, delimiter: str) -> list[str] | None:
    try:
        return next(csv.reader([line.rstrip("\r")], delimiter=delimiter, strict=True), [])
    except csv.Error:
        return None


def _column_index(names: Sequence[str], column: str) -> int | None:
    return next((names.index(name) for name in COLUMNS[column] if name in names), None)


def _parse_json(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None


def _unreadable(message: str) -> DomainError:
    return DomainError(UnreadableFile(path=["input", "uploadId"], message=message))
