"""Generated stock files: the same rows in every dialect, and no bytes are an unexpected error."""

import codecs
import csv
import io
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from models.imports import StockImportFormat, StockImportMode
from services.core.problems import DomainError
from tests.support.stock.file_rows import read_file

# Coverage of lines, which explains failures, slows a parser down tenfold.
LIGHT = settings(max_examples=60, deadline=None, phases=[Phase.explicit, Phase.generate])
CELL = st.text(st.characters(codec="cp1252", exclude_categories=["Cc", "Cf", "Zs"]), max_size=12)
NOTE = st.text(st.sampled_from('ab,;\t|"\r\n \u00e9'), max_size=20)
CODE = st.from_regex(r"[A-Z\u00c0-\u00d6]{1,3}[0-9]{1,6}", fullmatch=True)


@dataclass(frozen=True)
class Dialect:
    """How a program writes a file."""

    delimiter: str
    line_end: str
    codec: str
    mark: bytes
    before: Sequence[str]
    columns: Sequence[str]
    quoted: bool


DIALECTS = st.builds(
    Dialect,
    delimiter=st.sampled_from(",;\t|"),
    line_end=st.sampled_from(["\n", "\r\n", "\r"]),
    codec=st.sampled_from(["utf-8", "cp1252", "utf-16-le", "utf-16-be"]),
    mark=st.booleans().map(lambda marked: b"x" if marked else b""),
    before=st.lists(st.sampled_from(["", "Title", "   "]), max_size=3),
    columns=st.permutations(["Store", "PRODUCT", "quantity", "note", "price"]),
    quoted=st.booleans(),
)
ROWS = st.lists(st.tuples(CODE, CODE, st.integers(-99, 9_999), NOTE, CELL), max_size=6)


# Before Python 3.13 `csv` writes a line break without quotes where lines end by another one, as no
# spreadsheet does. These stand for line breaks in a cell, and have quotes.
LINE_BREAKS = {"\r": '"\x00', "\n": '"\x01'}


def write(dialect: Dialect, rows: Sequence[tuple[str, str, int, str, str]]) -> bytes:
    """A file as a program of the dialect writes it."""
    buffer = io.StringIO()
    writer = csv.writer(
        buffer,
        delimiter=dialect.delimiter,
        lineterminator=dialect.line_end,
        quoting=csv.QUOTE_ALL if dialect.quoted else csv.QUOTE_MINIMAL,
    )
    writer.writerow(dialect.columns)
    for row in rows:
        cells = dict(zip(("Store", "PRODUCT", "quantity", "note", "price"), row, strict=True))
        texts = [str(cells[name]) for name in dialect.columns]
        for line_break, stand_in in LINE_BREAKS.items():
            texts = [text.replace(line_break, stand_in) for text in texts]
        writer.writerow(texts)
    text = "".join(line + dialect.line_end for line in dialect.before)
    content = buffer.getvalue()
    for line_break, stand_in in LINE_BREAKS.items():
        content = content.replace(f'"{stand_in}', line_break)
    text += content
    mark = {"utf-8": codecs.BOM_UTF8, "utf-16-le": codecs.BOM_UTF16_LE,
            "utf-16-be": codecs.BOM_UTF16_BE}.get(dialect.codec, b"")  # fmt: skip
    wanted = dialect.mark or dialect.codec.startswith("utf-16")
    return (mark if wanted else b"") + text.encode(dialect.codec)


@LIGHT
@given(DIALECTS, ROWS, st.integers(300, 2_000))
@example(Dialect(",", "\r\n", "utf-8", b"", [""], ["Store", "PRODUCT", "quantity", "note", "price"],
                 False), [("A1", "B1", 1, "\r\n", "")], 300)  # fmt: skip
def test_rows_are_the_same_in_every_dialect_and_for_every_cut(
    dialect: Dialect, rows: list[tuple[str, str, int, str, str]], chunk_bytes: int
) -> None:
    """Whatever program writes the rows, and wherever a chunk ends, the same rows are read."""
    data = write(dialect, rows * 3)
    found = read_file(data, mode=StockImportMode.ADD, chunk_bytes=chunk_bytes)
    assert [(row.store, row.product, row.units) for row in found] == [row[:3] for row in rows * 3]
    assert [row.number for row in found] == sorted({row.number for row in found})


@LIGHT
@given(st.binary(max_size=300), st.sampled_from(StockImportFormat), st.integers(300, 2_000))
def test_no_bytes_are_an_unexpected_error(
    data: bytes, format: StockImportFormat, chunk_bytes: int
) -> None:
    """Any content is rows, rows with a fault, or a file that is refused."""
    head = b"store,product,quantity\n" if format is StockImportFormat.CSV else b'{"store":1}\n'
    rows = []
    with suppress(DomainError):
        rows = read_file(head + data, format=format, chunk_bytes=chunk_bytes)
    assert all((row.units is None) == (row.fault is not None) for row in rows)
    assert all("\0" not in row.store + row.product + row.quantity for row in rows)
