"""Reads CSV in chunks of bytes: the only reader of CSV files that people send.

A record begins at a line, which numbers it, and may contain line breaks in quotes. Lines end with
LF, CR or CRLF. What cannot be parsed is a record with a problem, and reading goes on at the next
line, so that one missing quote costs one line and not the rest of the file.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from models.message_text import number_text
from services.imports.file_encoding import TextEncoding

MAX_LINE_CHARACTERS = 2_000
MAX_RECORD_CHARACTERS = 4_000
MAX_RECORD_LINES = 20
MAX_COLUMNS = 100
BAD_QUOTES = (
    "A quote is not closed, or is followed by text: a quoted cell is quoted as a whole, and each"
    " quote in it is written twice."
)


@dataclass(frozen=True, slots=True)
class CsvRecord:
    """A record: its first line, how many lines it takes, its cells; or its problem."""

    number: int
    line_count: int
    cells: Sequence[str] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True)
class FileLines:
    """The complete lines of a chunk with their line ends, and whether the file ends with them."""

    lines: Sequence[str]
    last: bool
    encoding: TextEncoding

    def size(self, count: int) -> int:
        """The size of the first lines in bytes."""
        return self.encoding.view_size("".join(self.lines[:count]))


def split_lines(data: bytes, last: bool, encoding: TextEncoding) -> FileLines:
    """Split a chunk into its complete lines; the rest of it belongs to the next chunk."""
    lines = list(io.StringIO(encoding.decode_view(data, last), newline=""))
    # A CR at the end of a chunk may be the first half of a CRLF.
    if lines and not last and not lines[-1].endswith("\n"):
        lines.pop()
    return FileLines(lines, last, encoding)


def read_records(file: FileLines, delimiter: str, before: int) -> Iterator[CsvRecord]:
    """The records of a chunk whose first line has the number `before` + 1.

    It ends before a record that may go on in the next chunk.
    """
    position = 0
    while position < len(file.lines):
        record = _next_record(file, position, delimiter, before + position + 1)
        if record is None:
            return
        yield record
        position += record.line_count


def _next_record(file: FileLines, position: int, delimiter: str, number: int) -> CsvRecord | None:
    """The record at a line; None if it may go on after the chunk."""
    bom = file.encoding.bom
    line = file.lines[position]
    while line.startswith(bom):  # files that were joined have several
        line = line.removeprefix(bom)
    if len(line) > MAX_LINE_CHARACTERS:
        return CsvRecord(
            number,
            1,
            problem=f"The line is longer than {number_text(MAX_LINE_CHARACTERS)} characters.",
        )
    if '"' not in line:
        return _record(number, 1, line.rstrip("\r\n").split(delimiter))
    window, bounded = _window(file, position, line)
    reader = csv.reader(window, delimiter=delimiter, strict=True, skipinitialspace=True)
    try:
        cells = next(reader, [])
    except csv.Error:
        if reader.line_num == len(window) and not bounded and not file.last:
            return None
        return CsvRecord(number, 1, problem=BAD_QUOTES)
    return _record(number, reader.line_num, cells)


def _window(file: FileLines, position: int, first: str) -> tuple[list[str], bool]:
    """The lines that the record at a line may take, and whether the bounds of a record end them."""
    window, characters = [first], len(first)
    for line in file.lines[position + 1 : position + MAX_RECORD_LINES]:
        characters += len(line)
        if characters > MAX_RECORD_CHARACTERS:
            return window, True
        window.append(line)
    return window, len(window) == MAX_RECORD_LINES


def _record(number: int, line_count: int, cells: Sequence[str]) -> CsvRecord:
    problem = f"The line has more than {MAX_COLUMNS} columns." if len(cells) > MAX_COLUMNS else ""
    return CsvRecord(number, line_count, () if problem else cells, problem)
