"""Codes as scanners give them: GTIN of any length, GS1 element strings, labels of scales."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from database.scope import PLATFORM
from database.sessions import Database
from services.catalog.product_codes import (
    ReadCode,
    canonical_code,
    check_digit,
    is_gtin,
    parse_barcode,
    read_code,
)
from services.catalog.scale_labels import parse_formats
from services.core.problems import DomainError

GTIN = "00012345678905"
LABELS = ["21IIIIIWWWWWC", "22IIIIVPPPPPC"]
EXPIRY = date(2027, 12, 31)
READ = [
    ("0012345678905", ReadCode((GTIN,))),
    ("012345678905", ReadCode((GTIN,))),
    ("]E00012345678905", ReadCode((GTIN,))),
    ("\u200b0012345678905\r\n", ReadCode((GTIN,))),
    ("\uff10\uff10\uff112345678905", ReadCode((GTIN,))),
    ("(01)00012345678905(10)ABC-1(17)271231", ReadCode((GTIN,), "ABC-1", EXPIRY)),
    ("]d2010001234567890510ABC-1\x1d17271231", ReadCode((GTIN,), "ABC-1", EXPIRY)),
    ("\x1d010001234567890510ABC-1\x1d17271231", ReadCode((GTIN,), "ABC-1", EXPIRY)),
    ("010001234567890517271231211234", ReadCode((GTIN,), None, EXPIRY)),
    ("]C101000123456789053103001250", ReadCode((GTIN,), grams=1250)),
    ("010001234567890515271231", ReadCode((GTIN,), None, EXPIRY)),
    ("0100012345678905172712001010", ReadCode((GTIN,), "10", EXPIRY)),
    ("https://id.gs1.org/01/00012345678905/10/ABC-1?17=271231",
     ReadCode((GTIN,), "ABC-1", EXPIRY)),
    ("2112345012506", ReadCode(("12345",), grams=1250)),
    ("2200427003990", ReadCode(("0042", "42"), price_minor=399)),
    ("22", ReadCode(("22",))),
    ("2112345012505", ReadCode(("2112345012505",))),
    ("P000001000", ReadCode(("P000001000",))),
    ("(01)00012345678906(10)A", ReadCode(("(01)00012345678906(10)A",))),
]  # fmt: skip


@pytest.mark.parametrize(("scanned", "read"), READ, ids=[repr(one) for one, _ in READ])
def test_a_code_says_its_product_and_what_else_is_in_it(scanned: str, read: ReadCode) -> None:
    """0012345678905 scanned as 012345678905, a scale label, and lot and date were unknown."""
    assert read_code(scanned, LABELS) == read


digits = st.text("0123456789", max_size=13)


@given(digits)
def test_a_number_is_one_product_whatever_its_length(number: str) -> None:
    """Leading zeros up to the next length change nothing; a wrong digit is not corrected."""
    body = number.zfill(7)[-7:]
    gtin = body + check_digit(body)
    forms = {canonical_code(gtin.zfill(length)) for length in (8, 12, 13, 14)}
    assert forms == {gtin.zfill(14)}
    wrong = body + str((int(gtin[-1]) + 1) % 10)
    assert not is_gtin(wrong)
    assert canonical_code(wrong) == wrong


@given(st.text(max_size=250))
def test_any_text_is_read(scanned: str) -> None:
    """Whatever a scanner sends is a product, unknown or refused, and never an unexpected error."""
    read = read_code(scanned, LABELS)
    assert read.values
    assert all(len(value) <= 200 for value in read.values)


@given(st.integers(0, 99_999), st.integers(0, 99_999))
def test_what_a_scale_prints_is_what_is_read(item: int, grams: int) -> None:
    """A label of each format gives the product and the weight or price that went into it."""
    body = f"21{item:05}{grams:05}"
    read = read_code(body + check_digit(body), LABELS)
    assert {int(value) for value in read.values} == {item}
    assert read.grams == grams


@pytest.mark.parametrize(
    "formats",
    [["21IIIIIWWWWW"], ["30IIIIIWWWWWC"], ["21IIIIIWWWPPC"], ["21WWWWWIIIIIC"], ["21IIIIIIIIIIC"],
     ["21IIIIIWWWWWC", "211IIIIWWWWWC"], ["21IIIIIWWWWWC"] * 2, ["2" + "1" * 9000],
     [f"2{n}IIIIIWWWWWC" for n in range(10)] + ["20IIIIIWWWWWC"]],
)  # fmt: skip
def test_a_wrong_format_of_labels_is_refused(formats: list[str]) -> None:
    """With a wrong format the scale's price would be read as a weight."""
    with pytest.raises(DomainError):
        parse_formats(formats, "input", "formats")


@pytest.mark.parametrize(
    "barcode", ["", " ", "0012345678906", "12345671", "a\x07b", "x" * 65, "(01)00012345678905(10)A"]
)
def test_what_is_no_barcode_is_refused(barcode: str) -> None:
    """A wrong check digit was stored, and no scanner ever sent that code."""
    with pytest.raises(DomainError):
        parse_barcode(barcode, "input", "barcodes", "0")


def test_a_barcode_is_kept_as_it_is_written() -> None:
    """Staff compare the shown code with the print on the packet."""
    assert parse_barcode(" 012345678905\u200b") == "012345678905"
    assert parse_barcode("]C10100012345678905") == GTIN
    assert parse_barcode("A-7/b") == "A-7/b"


async def test_the_database_has_the_same_canonical_form(database: Database) -> None:
    """The triggers of products use the function of SQL, the scanners the one of Python."""
    bodies = [f"{n * 7919:0{length - 1}}"[: length - 1] for length in (7, 8, 9, 11, 12, 13, 14, 15)
              for n in range(1, 60)]  # fmt: skip
    codes = [body + check_digit(body) for body in bodies] + [f"{body}0" for body in bodies]
    codes += ["22", "0022", "P1", "00000000", "\uff112345670", " 12345670", ""]
    async with database.read(PLATFORM) as session:
        query = text(
            "select code, canonical_product_code(code) from unnest(cast(:codes as text[])) as code"
        )
        rows = await session.execute(query, {"codes": codes})
        assert dict(rows.all()) == {code: canonical_code(code) for code in codes}
