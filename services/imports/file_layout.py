"""Detects the layout of a file from its first bytes: the only place that knows where rows begin."""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import orjson

from models.imports import StockImportFormat
from models.message_text import count_text
from services.imports.csv_records import CsvRecord, FileLines, read_records, split_lines
from services.imports.file_encoding import (
    UTF8,
    TextEncoding,
    clean_text,
    detect_encoding,
    unreadable,
)

MAX_HEAD_BYTES = 16_384
MAX_RECORDS_BEFORE_HEADER = 10
DELIMITERS = ",;\t|"
DELIMITER_LINE = re.compile(r'"?sep=(.)"?[,;\t|]*', re.IGNORECASE)
Columns = Mapping[str, Sequence[str]]
"""The names that a column may have in a header, by its own name."""


@dataclass(frozen=True, slots=True)
class FileLayout:
    """The format of a file; for CSV also its dialect, and the indexes of the wanted columns.

    The first `header_lines` lines have no rows: blank lines, a title, `sep=`, the header.
    """

    format: StockImportFormat
    encoding: TextEncoding = UTF8
    delimiter: str = ","
    column_indexes: tuple[int, ...] = ()
    column_count: int = 0
    header_lines: int = 0

    @property
    def decimal_sign(self) -> str:
        """Files with semicolons come from where a comma is the decimal sign."""
        return "," if self.delimiter == ";" else "."


def detect_layout(
    head: bytes | None, size_bytes: int, format: StockImportFormat, columns: Columns
) -> FileLayout:
    """Detect the layout of a file of `size_bytes` from its first MAX_HEAD_BYTES.

    Raises DomainError: InvalidFile.
    """
    if not head or not head.strip():
        raise unreadable("The file is empty.")
    whole = size_bytes <= len(head)
    encoding = detect_encoding(head, whole)
    file = split_lines(head, whole, encoding)
    if format is StockImportFormat.JSONL:
        return _layout_of_objects(file)
    declared = _declared_delimiter(file)
    layouts = [_find_header(file, one, columns) for one in declared or DELIMITERS]
    found = next((layout for layout in layouts if layout is not None), None)
    if found is None:
        raise unreadable(
            f"None of its first {MAX_RECORDS_BEFORE_HEADER} lines names the columns"
            f" {', '.join(columns)}; the first line is: {_first_line(file)[:200]}"
        )
    return found


def _layout_of_objects(file: FileLines) -> FileLayout:
    if not isinstance(parse_object(_first_line(file)), dict):
        raise unreadable("Its first line is not a JSON object.")
    return FileLayout(StockImportFormat.JSONL, file.encoding)


def parse_object(text: str) -> object:
    """The value of a line of JSON; None if it is not JSON."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None


def _first_line(file: FileLines) -> str:
    """The first line that is not blank, as text."""
    views = (line.replace(file.encoding.bom, "").strip() for line in file.lines)
    first = next((view for view in views if view), "")
    return (file.encoding.decode_cell(first) or "").replace("\0", "")


def _declared_delimiter(file: FileLines) -> str:
    """The delimiter that a first line such as `sep=;` declares; "" if there is none."""
    declared = DELIMITER_LINE.fullmatch(_first_line(file))
    if declared is None:
        return "\t" if _first_line(file).lower() == "sep=" else ""
    if declared[1].isalnum() or declared[1] in '"= ' or not declared[1].isascii():
        raise unreadable(f"Its first line declares the delimiter {declared[1]!r}: use , or ;")
    return declared[1]


def _find_header(file: FileLines, delimiter: str, columns: Columns) -> FileLayout | None:
    """The layout if one of the first records has names of all columns. Raises DomainError."""
    for record in _first_records(file, delimiter):
        names = [normalize_name(file.encoding.decode_cell(cell) or "") for cell in record.cells]
        chosen = [next((name for name in all_ if name in names), "") for all_ in columns.values()]
        if not all(chosen):
            continue
        for column, all_ in columns.items():
            if len(found := [name for name in names if name in all_]) > 1:
                count = count_text(len(found), "column")
                raise unreadable(
                    f"Its header has {count} for {column}: {', '.join(found)}. Keep one of them."
                )
        return FileLayout(
            StockImportFormat.CSV,
            file.encoding,
            delimiter,
            tuple(names.index(name) for name in chosen),
            len(names),
            record.number + record.line_count - 1,
        )
    return None


def _first_records(file: FileLines, delimiter: str) -> Iterator[CsvRecord]:
    count = 0
    for record in read_records(file, delimiter, 0):
        if count == MAX_RECORDS_BEFORE_HEADER:
            return
        if any(cell.strip() for cell in record.cells):
            count += 1
            yield record


def normalize_name(text: str) -> str:
    """The name of a column in the form of `Columns`: " On-hand " is on_hand."""
    folded = clean_text(unicodedata.normalize("NFKC", text)).casefold()
    return re.sub(r"[\s.\-_]+", "_", folded).strip("_")
