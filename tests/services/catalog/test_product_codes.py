"""Codes as scanners give them: GTIN of any length, GS1 element strings, labels of scales."""

from datetime import date
from typing import Any

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
    expand_upc_e,
    is_gtin,
    parse_barcode,
    printed_forms,
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
    ("0100012345678905", ReadCode((GTIN, "0100012345678905"))),
    ("]C10100012345678905", ReadCode((GTIN,))),
    ("0100012345678905\x1d", ReadCode((GTIN, "0100012345678905"))),
    ("0100012345678906", ReadCode(("0100012345678906",))),
    ("HTTPS://ID.GS1.ORG/01/00012345678905", ReadCode((GTIN,))),
    ("HTTP://ID.GS1.ORG/01/00012345678905/10/ABC-1?17=271231",
     ReadCode((GTIN,), "ABC-1", EXPIRY)),
    ("Https://Shop.Example/x/01/00012345678905/10/aBc", ReadCode((GTIN,), "aBc")),
    ("(01)00012345678905(16)271231", ReadCode((GTIN,), None, EXPIRY)),  # sell by
    ("(01)00012345678905(17)281130(16)271231", ReadCode((GTIN,), None, EXPIRY)),
    ("(01)00012345678905(16)281130(17)271231", ReadCode((GTIN,), None, EXPIRY)),
    ("(01)00012345678905(15)280131(16)271231", ReadCode((GTIN,), None, EXPIRY)),
    ("(01)00012345678905(15)271231", ReadCode((GTIN,), None, EXPIRY)),
    ("(01) 00012345678905 (10) ABC-1 (17) 271231", ReadCode((GTIN,), "ABC-1", EXPIRY)),
    ("0 12345 67890 5", ReadCode((GTIN, "0 12345 67890 5"))),
    ("0012345-678905", ReadCode((GTIN, "0012345-678905"))),
    ("0\u00a012345\u200967890\u00a05", ReadCode((GTIN, "0 12345 67890 5"))),
    ("0 425261 4", ReadCode(("04252614", "00042100005264", "0 425261 4"))),
    ("2 112345 012506", ReadCode(("12345",), grams=1250)),
    ("0 12345 67890 6", ReadCode(("0 12345 67890 6",))),
    ("2425-2615", ReadCode(("2425-2615",))),
    ("2112345012506", ReadCode(("12345",), grams=1250)),
    ("2200427003990", ReadCode(("0042", "42"), price_minor=399)),
    ("04252614", ReadCode(("04252614", "00042100005264"))),
    ("425261", ReadCode(("425261", "00042100005264"))),
    ("]E004252614", ReadCode(("04252614", "00042100005264"))),
    ("]E404252614", ReadCode(("04252614",))),
    ("24252615", ReadCode(("24252615",))),
    ("22", ReadCode(("22",))),
    ("2112345012505", ReadCode(("2112345012505",))),
    ("P000001000", ReadCode(("P000001000",))),
    ("(01)00012345678906(10)A", ReadCode(("(01)00012345678906(10)A",))),
]  # fmt: skip


@pytest.mark.parametrize(("scanned", "read"), READ, ids=[repr(one) for one, _ in READ])
def test_a_code_says_its_product_and_what_else_is_in_it(scanned: str, read: ReadCode) -> None:
    """0012345678905 scanned as 012345678905, a scale label, and lot and date were unknown.

    So were the GTIN alone as an element string, a Digital Link in capital letters (usual in QR
    codes), and a number that somebody types with the spaces that are printed under its bars.
    """
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
    assert parse_barcode("0100012345678905") == GTIN
    assert parse_barcode("HTTPS://ID.GS1.ORG/01/00012345678905") == GTIN
    assert parse_barcode("0 12345 67890 5") == "012345678905"
    assert parse_barcode("PLU 4011") == "PLU 4011"


@given(st.integers(0, 10**13 - 1), st.sampled_from((8, 12, 13, 14)), st.data())
def test_a_code_is_found_however_its_digits_are_grouped(n: int, size: int, data: Any) -> None:
    """People type the groups that they see: 4 006381 333931 found nothing."""
    body = f"{n:013}"[-(size - 1) :]
    gtin = body + check_digit(body)
    gaps = data.draw(st.lists(st.sampled_from(["", " "]), min_size=size, max_size=size))
    typed = "".join(gap + digit for gap, digit in zip(gaps, gtin, strict=True)).strip()
    assert canonical_code(gtin) in read_code(typed).values
    assert set(read_code(gtin).values) <= set(read_code(typed).values)
    assert canonical_code(parse_barcode(typed)) == canonical_code(gtin)


@given(st.text("0123456789", min_size=6, max_size=6), st.sampled_from("01"))
def test_a_upc_e_is_found_as_its_upc_a(six: str, system: str) -> None:
    """A small packet's 8 digits (6 of some scanners) were unknown where the case has 12."""
    body = system + six[:2] + _EXPANSIONS[six[5]](six)
    upc_a = f"00{body}{check_digit(body)}"
    assert upc_a in read_code(f"{system}{six}{upc_a[-1]}").values
    if system == "0":
        assert read_code(six).values == (six, upc_a)


# The table of GS1 General Specifications, section 5.2.2.4.2, after the first two digits.
_EXPANSIONS: dict[str, Any] = {
    **{digit: lambda six: f"{six[5]}0000{six[2:5]}" for digit in "012"},
    "3": lambda six: f"{six[2]}00000{six[3:5]}",
    "4": lambda six: f"{six[2:4]}00000{six[4]}",
    **{digit: lambda six: f"{six[2:5]}0000{six[5]}" for digit in "56789"},
}


@given(st.integers(0, 10**13 - 1), st.sampled_from((8, 12, 13, 14)))
def test_the_printed_forms_of_a_code_are_those_with_its_canonical_form(n: int, size: int) -> None:
    """A code of several products is looked for by the texts that products have."""
    body = f"{n:013}"[-(size - 1) :]
    text_ = body + check_digit(body)
    forms = printed_forms(canonical_code(text_))
    assert text_ in forms
    assert {canonical_code(form) for form in forms} == {canonical_code(text_)}
    assert printed_forms("OWN-1") == ["OWN-1"]


def test_a_upc_e_becomes_the_barcode_of_its_upc_a() -> None:
    """The 8 digits of a small packet were refused for their last digit."""
    assert parse_barcode("04252614") == "042100005264"


async def test_the_database_expands_a_upc_e_alike(database: Database) -> None:
    """A file of stock finds the product that a scanner finds."""
    codes = [f"{n * 7919:06}"[-6:] for n in range(200)] + ["", "12345", "2425261", "24252614"]
    codes += [f"{n * 6151:07}"[-7:] + str(n % 10) for n in range(400)] + ["04252614"]
    async with database.read(PLATFORM) as session:
        query = text(
            "select code, upc_e_product_code(code) from unnest(cast(:codes as text[])) as code"
        )
        answer = await session.execute(query, {"codes": codes})
        rows: dict[str, str | None] = dict(answer.all())
    assert rows == {code: expand_upc_e(code) for code in codes}
    assert sum(value is not None for value in rows.values()) > 200


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
