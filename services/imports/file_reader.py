"""Reading a file of stock: lines in, rows out, each with what is wrong with it.

A row is one line of the file, so that a bad one is found by its number in any editor, and reading
can go on anywhere a line begins. UTF-8, with or without a byte order mark.
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from models.imports import ImportFormat, ImportMode, RowFault
from services.core.problems import Problem, Refused

HEAD_BYTES = 4_096
LINE_BYTES = 2_000
TEXT_LENGTH = 100
SET_UNITS = 1_000_000
ADD_UNITS = 100_000
BOM = "\ufeff"
DELIMITERS = ",;\t"
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "store": ("store", "store_code"),
    "product": ("product", "product_code", "code", "barcode", "sku", "ean"),
    "quantity": ("quantity", "units", "on_hand"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadableFile(Problem):
    """The file is not what its format says."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How a file is laid out; for CSV by what its columns are parted and where the three stand."""

    format: ImportFormat
    delimiter: str = ","
    places: tuple[int, int, int] = (0, 1, 2)


@dataclass(frozen=True, slots=True)
class Row:
    """A line as it was written, what it means, and what is wrong with it, if anything is."""

    number: int
    store: str = ""
    product: str = ""
    quantity: str = ""
    units: int | None = None
    fault: RowFault | None = None
    field: str = ""
    message: str = ""


def head_of(data: bytes) -> str | None:
    """The first lines of a file as text; None when it is no text."""
    if b"\0" in data:
        return None
    cut = data.rfind(b"\n") + 1 if len(data) >= HEAD_BYTES else len(data)
    try:
        return data[: cut or len(data)].decode("utf-8-sig")
    except UnicodeDecodeError:
        return None


def layout_of(head: str | None, format: ImportFormat) -> Layout:
    """How the file is laid out, by its first lines; refused with UnreadableFile."""
    if head is None:
        raise _unreadable("The file is not text in UTF-8.")
    first = next((line for line in head.splitlines() if line.strip()), "")
    if not first:
        raise _unreadable("The file is empty.")
    if format is ImportFormat.JSONL:
        if not isinstance(_loaded(first), dict):
            raise _unreadable("Its first line is not a JSON object.")
        return Layout(format)
    delimiter = max(DELIMITERS, key=first.count)
    names = [name.strip().lower() for name in _cells(first, delimiter) or ()]
    places = [_place(names, column) for column in COLUMNS]
    missing = [column for column, at in zip(COLUMNS, places, strict=True) if at is None]
    if missing:
        said = f"Its first line does not name the columns {', '.join(COLUMNS)}"
        raise _unreadable(f"{said}: {', '.join(missing)} not found.")
    store, product, quantity = (at or 0 for at in places)
    return Layout(format, delimiter, (store, product, quantity))


def whole_lines(data: bytes, last: bool) -> tuple[list[bytes], int]:
    """The whole lines in a piece of a file, and how many bytes they take; refused if one is huge.

    `last` says that the file ends with this piece, and so does its last line.
    """
    cut = len(data) if last else data.rfind(b"\n") + 1
    if data and not cut:
        raise _unreadable(f"A line is longer than {len(data)} bytes.")
    lines = data[:cut].split(b"\n")
    if lines and not lines[-1]:
        lines.pop()
    return lines, cut


def rows_of(lines: Sequence[bytes], before: int, layout: Layout, mode: ImportMode) -> list[Row]:
    """The rows in these lines, the first of which comes after `before` others; blank ones left out.

    The head line of a CSV file is no row.
    """
    rows = []
    for number, line in enumerate(lines, before + 1):
        if not line.strip() or (number == 1 and layout.format is ImportFormat.CSV):
            continue
        rows.append(_row(number, line, layout, mode))
    return rows


def _row(number: int, line: bytes, layout: Layout, mode: ImportMode) -> Row:
    if len(line) > LINE_BYTES:
        return _malformed(number, f"The line is longer than {LINE_BYTES} bytes.")
    try:
        text = line.decode().strip("\r").removeprefix(BOM)
    except UnicodeDecodeError:
        return _malformed(number, "The line is not UTF-8.")
    if "\0" in text:
        return _malformed(number, "The line has characters that are no text.")
    if layout.format is ImportFormat.JSONL:
        return _of_object(number, _loaded(text), mode)
    cells = _cells(text, layout.delimiter)
    if cells is None or len(cells) <= max(layout.places):
        return _malformed(number, "The line has too few columns, or a quote that never ends.")
    store, product, quantity = (cells[at].strip() for at in layout.places)
    return _checked(number, store, product, quantity, _whole(quantity), mode)


def _of_object(number: int, found: Any, mode: ImportMode) -> Row:
    if not isinstance(found, dict):
        return _malformed(number, "The line is not a JSON object.")
    store, product, quantity = (
        next((found[name] for name in names if name in found), None) for names in COLUMNS.values()
    )
    if not isinstance(store, str) or not isinstance(product, str):
        return _malformed(number, "store and product are texts.")
    if isinstance(quantity, bool) or not isinstance(quantity, int):
        quantity = str(quantity)
    units = quantity if isinstance(quantity, int) else None
    return _checked(number, store.strip(), product.strip(), str(quantity), units, mode)


def _checked(
    number: int, store: str, product: str, quantity: str, units: int | None, mode: ImportMode
) -> Row:
    if "\0" in store + product + quantity:
        return _malformed(number, "The line has characters that are no text.")
    store, product, quantity = (one[:TEXT_LENGTH] for one in (store, product, quantity))
    least, most = (0, SET_UNITS) if mode is ImportMode.SET else (-ADD_UNITS, ADD_UNITS)
    if units is None or not least <= units <= most:
        message = f"A quantity is a whole number from {least} to {most}."
        return Row(
            number, store, product, quantity, None, RowFault.INVALID_QUANTITY, "quantity", message
        )
    return Row(number, store, product, quantity, units)


def _malformed(number: int, message: str) -> Row:
    return Row(number, fault=RowFault.MALFORMED, message=message)


def _whole(text: str) -> int | None:
    """A whole number as people write it; digits of other scripts are none."""
    digits = text[1:] if text[:1] in ("-", "+") else text
    return int(text) if digits.isascii() and digits.isdigit() and len(digits) < 12 else None


def _cells(line: str, delimiter: str) -> list[str] | None:
    try:
        return next(csv.reader([line.rstrip("\r")], delimiter=delimiter, strict=True), [])
    except csv.Error:
        return None


def _place(names: Sequence[str], column: str) -> int | None:
    return next((names.index(name) for name in COLUMNS[column] if name in names), None)


def _loaded(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None


def _unreadable(message: str) -> Refused:
    return Refused(UnreadableFile(path=["input", "uploadId"], message=message))
