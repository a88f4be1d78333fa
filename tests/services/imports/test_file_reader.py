"""Stock files as spreadsheets and other programs write them."""

import codecs
import csv
import io
from collections.abc import Sequence

import pytest

from models.imports import StockImportErrorCode, StockImportFormat, StockImportMode
from services.core.problems import DomainError
from services.imports.file_encoding import InvalidFile
from services.imports.file_reader import ImportRow
from tests.support.stock.file_rows import read_file as read

CSV, JSONL, SET, ADD = (
    StockImportFormat.CSV,
    StockImportFormat.JSONL,
    StockImportMode.SET,
    StockImportMode.ADD,
)
HEAD = "store,product,quantity"


def values(rows: Sequence[ImportRow]) -> list[tuple[int, str, str, int | None]]:
    return [(row.number, row.store, row.product, row.units) for row in rows]


def quantity(text: str, *, delimiter: str = ",", mode: StockImportMode = ADD) -> ImportRow:
    """The row of a file with one quantity."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=delimiter)
    writer.writerows([["store", "product", "quantity"], ["S1", "P001", text]])
    (row,) = read(buffer.getvalue(), mode=mode)
    return row


@pytest.mark.parametrize(
    "data",
    [
        "sep=;\nstore;product;quantity\nS1;P001;7",
        '"sep=;"\nstore;product;quantity\nS1;P001;7',
        "\nstore,product,quantity\nS1,P001,7",
        "Stock of 30 November,,\nstore,product,quantity\nS1,P001,7",
        "sep=\t\nstore\tproduct\tquantity\nS1\tP001\t7",
    ],
)
def test_the_header_is_where_both_readers_find_it(data: str) -> None:
    """A declared delimiter, an empty line or a title stands before the header."""
    assert values(read(data)) == [(3, "S1", "P001", 7)]


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_lines_end_with_lf_cr_or_both(line_end: str) -> None:
    """An old spreadsheet ends lines with CR alone."""
    rows = read(line_end.join([HEAD, "S1,P001,7", "", "S1,P002,8", ""]))
    assert values(rows) == [(2, "S1", "P001", 7), (4, "S1", "P002", 8)]


@pytest.mark.parametrize(
    ("codec", "mark"),
    [
        ("utf-8", b""), ("utf-8", codecs.BOM_UTF8), ("utf-8", codecs.BOM_UTF8 * 2),
        ("cp1252", b""), ("utf-16-le", codecs.BOM_UTF16_LE), ("utf-16-be", codecs.BOM_UTF16_BE),
        ("utf-16-le", b""), ("utf-16-be", b""),
    ],
)  # fmt: skip
@pytest.mark.parametrize("head", [HEAD, "store,product,quantity,Größe"])
def test_encodings_are_told_from_the_file(codec: str, mark: bytes, head: str) -> None:
    """With or without a mark; "Unicode text" of a spreadsheet is UTF-16, an old export 1252."""
    rows = read(mark + f"{head}\nS1,Käse-1,7\n".encode(codec))
    assert values(rows) == [(2, "S1", "Käse-1", 7)]


def test_joined_files_have_marks_in_the_middle() -> None:
    part = codecs.BOM_UTF8 + b"S1,P001,7\n"
    assert values(read(codecs.BOM_UTF8 + HEAD.encode() + b"\n" + part * 2)) == [
        (2, "S1", "P001", 7), (3, "S1", "P001", 7),
    ]  # fmt: skip


def test_quoted_line_breaks_belong_to_the_row() -> None:
    """A note of three lines in a quoted cell; rows are numbered by the line at which they begin."""
    rows = read('note,store,product,quantity\n"a\r\nb ""c"" \nd",S1,P001,7\n,S1,P002,8\n')
    assert values(rows) == [(2, "S1", "P001", 7), (5, "S1", "P002", 8)]


def test_a_missing_quote_costs_one_row() -> None:
    """Neither the rest of the file nor the next row is swallowed."""
    rows = read(f'{HEAD}\nS1,"P001,7\nS1,P002,8\nS1,"P003",9\nS1,"P"4,1\nS1,P005,2')
    assert [row.number for row in rows if row.fault is StockImportErrorCode.MALFORMED] == [2, 5]
    assert values([row for row in rows if row.fault is None]) == [
        (3, "S1", "P002", 8), (4, "S1", "P003", 9), (6, "S1", "P005", 2),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "head",
    ["QUANTITY,Store,Product", " On hand ,STORE-CODE,Bar Code", "units,store,\uff45\uff41\uff4e",
     "qty,\u200bstore,EAN"],
)  # fmt: skip
def test_columns_are_named_in_any_case_and_order(head: str) -> None:
    head = head.replace("Bar Code", "barcode")
    assert values(read(f"{head},note\n7,S1,P001,x")) == [(2, "S1", "P001", 7)]


@pytest.mark.parametrize(
    ("head", "message"),
    [
        ("store,product,quantity,Quantity", "has 2 columns for quantity: quantity, quantity."),
        ("store,product,quantity,units", "Its header has 2 columns for quantity: quantity, units."),
        ("store,EAN,quantity,sku", "Its header has 2 columns for product: ean, sku. Keep one"),
        ("store,product,amount", "the first line is: store,product,amount"),
        ("PK\x03\x04", "export it as CSV"),
        ("sep=x\nstorexproductxquantity", "use , or ;"),
    ],
)
def test_a_header_that_cannot_be_used_is_named(head: str, message: str) -> None:
    """A column that occurs twice is not chosen by chance, also not under two of its names.

    Of `quantity` and `units` in one file the second was ignored without a word.
    """
    with pytest.raises(DomainError) as caught:
        read(f"{head}\nS1,P001,7,9")
    (problem,) = caught.value.problems
    assert isinstance(problem, InvalidFile)
    assert message in problem.message


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("12", 12), ("12.0", 12), ("12,0", 12), ("12.", 12), ("12.000", 12), (" +12 ", 12),
        ("\u22125", -5), ("\u20135", -5), ("5-", -5), ("(5)", -5), ("\uff0d\uff15", -5),
        ("\uff11\uff12", 12), ("\u0661\u0662", 12), ("1\u00a0234", 1234), ("1\u202f234,00", 1234),
        ("1'234", 1234), ("1\u2019234.0", 1234), ("1.234,00", 1234), ("1,234.00", 1234),
        ("1 234", 1234), ('="12"', 12), ("'-12", -12),
    ],
)  # fmt: skip
def test_whole_numbers_as_people_write_them(text: str, units: int) -> None:
    """A fraction of zeros, other minus signs, digits of other scripts, spaces between groups."""
    row = quantity(text)
    assert (row.units, row.fault) == (units, None)


def test_the_decimal_sign_is_that_of_the_dialect() -> None:
    """Semicolons come from where a comma is the decimal sign; a guess never changes the units."""
    assert quantity("12,000", delimiter=";").units == 12
    assert quantity("12.000", delimiter=",").units == 12
    for text, delimiter in (("12.000", ";"), ("12,000", ",")):
        row = quantity(text, delimiter=delimiter)
        assert (row.units, row.fault) == (None, StockImportErrorCode.INVALID_QUANTITY)
        assert "it can mean 12000 or 12.000" in row.message


def test_a_decimal_comma_that_is_not_quoted_is_a_fault() -> None:
    """12,5 becomes two cells: 12 would be applied silently."""
    (row,) = read(f"{HEAD}\nS1,P001,12,5")
    assert (row.fault, row.message) == (
        StockImportErrorCode.MALFORMED, ("The line has 4 cells, the header has 3: quote cells that"
        " contain ','."),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "fault", "reason"),
    [
        ("12.5", StockImportErrorCode.INVALID_QUANTITY, "it has a fraction"),
        ("twelve", StockImportErrorCode.INVALID_QUANTITY, "it is not a number"),
        ("1,23,4", StockImportErrorCode.INVALID_QUANTITY, "it is not a number"),
        ("", StockImportErrorCode.INVALID_QUANTITY, "it is not a number"),
        ("9" * 90, StockImportErrorCode.INVALID_QUANTITY, "it is out of range"),
        ("1.23E+12", StockImportErrorCode.DAMAGED, "a spreadsheet has shortened it"),
        ("01-Mar", StockImportErrorCode.DAMAGED, "a spreadsheet has made a date of it"),
        ("#N/A", StockImportErrorCode.DAMAGED, "it is an error of a spreadsheet"),
        ("#####", StockImportErrorCode.DAMAGED, "it is an error of a spreadsheet"),
    ],
)
def test_a_quantity_that_is_no_whole_number_says_what_was_expected(
    text: str, fault: StockImportErrorCode, reason: str
) -> None:
    row = quantity(text, mode=SET)
    assert (row.number, row.field, row.fault, row.units) == (2, "quantity", fault, None)
    assert row.message.startswith("A quantity is a whole number from 0 to ")
    assert reason in row.message


@pytest.mark.parametrize(
    ("code", "hint"),
    [
        ("1.23E+12", "shortened"), ("1,23E+12", "shortened"), ("01-Mar", "date"),
        ("Mrz-24", "date"), ("2024-03-01", "date"), ("01/03/2024", "date"), ("#NAME?", "error"),
        ("4006381333931.0", "decimal"), ("123456789012345000", "15 digits"),
    ],
)  # fmt: skip
def test_codes_that_a_spreadsheet_has_damaged_keep_a_hint(code: str, hint: str) -> None:
    """The hint is used only if no product has the code: it may be right."""
    (row,) = read(f'{HEAD}\nS1,"{code}",7')
    assert row.fault is None
    assert hint in row.message


@pytest.mark.parametrize("code", ["P001", "0012345678905", "ABC-12", "MAY", "12-34", "1E5X", "A.0"])
def test_ordinary_codes_have_no_hint(code: str) -> None:
    assert [row.message for row in read(f"{HEAD}\nS1,{code},7")] == [""]


@pytest.mark.parametrize(
    "code", ['="0012"', "'0012", "\u200b0012\u00a0", "\uff10\uff10\uff11\uff12", "\u202a0012\u202c"]
)
def test_marks_around_a_code_are_left_out(code: str) -> None:
    """Zeros kept by a formula or an apostrophe, invisible characters, full-width digits."""
    assert values(read(f"{HEAD}\nS1,{code},7")) == [(2, "S1", "0012", 7)]


def test_what_is_longer_than_the_bounds_is_a_fault_of_its_row() -> None:
    long, wide, broken = f"S1,{'x' * 2_000},1", "S1,P001,1" + "," * 100, 'S1,"a' + "\n" * 30
    rows = read("\n".join([HEAD, long, wide, broken, "S1,P002,8"]))
    assert [(row.number, row.fault) for row in rows] == [
        (2, StockImportErrorCode.MALFORMED), (3, StockImportErrorCode.MALFORMED), (4,
        StockImportErrorCode.MALFORMED), (35, None),
    ]  # fmt: skip


def test_empty_cells_are_named_with_their_column() -> None:
    rows = read(f"{HEAD}\n,P001,7\nS1,,7\n,,\n")
    assert [(row.number, row.field, row.fault) for row in rows] == [
        (2, "store", StockImportErrorCode.UNKNOWN_STORE), (3, "product",
        StockImportErrorCode.UNKNOWN_PRODUCT),
    ]  # fmt: skip


def test_lines_of_json_are_read_by_the_same_reader() -> None:
    """UTF-16, marks, CR alone, and 12.0 where a program has no whole numbers."""
    lines = ['{"store":"S1","product":"P001","quantity":12.0}', "",
             '{"store":"S1","product":"P002","quantity":12.5}', "\r"]  # fmt: skip
    data = codecs.BOM_UTF16_LE + "\r".join(lines).encode("utf-16-le")
    assert values(read(data, format=JSONL)) == [(1, "S1", "P001", 12), (3, "S1", "P002", None)]


def test_an_object_with_two_names_of_one_value_is_malformed() -> None:
    """Of `quantity` and `units` in one object the second was ignored without a word."""
    line = '{"store": "S1", "product": "P001", "quantity": 4, "units": 5}\n'
    [row] = read(line.encode(), format=JSONL)
    assert row.units is None
    assert "The object has quantity twice: quantity, units." in row.message
