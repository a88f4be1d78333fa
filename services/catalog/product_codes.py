"""Codes of products as scanners and people give them: GTIN, GS1 element strings, scale labels.

A product is found by the canonical form of a code: a GTIN of any length as 14 digits, another code
as it is. What may be a UPC-E is looked for as it is and as its UPC-A. The table `product_code` has
each such form of a company once, so that none names two products. What a code says beyond its
product (lot, expiry, weight, price) comes with it.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import biip
from biip.gs1_element_strings import GS1ElementString
from biip.gs1_messages import GS1Message
from biip.upc import Upc

from services.catalog.scale_labels import ScaleLabel, read_label
from services.core.problems import DomainError, InvalidInput
from services.core.text import code_form

MAX_CODE_LENGTH = 64
MAX_SCAN_LENGTH = 200
GTIN_LENGTHS = (8, 12, 13, 14)
UPC_E_LENGTHS = (6, 8)
GROUP_SEPARATOR = "\x1d"
_SYMBOLOGY = re.compile(r"^\](?:[A-Za-z][0-9A-Za-z])")
_DIGITS = re.compile(r"[0-9]+")
_ELEMENTS = re.compile(r"0[12][0-9]{14}.+", re.DOTALL)
# What a scanner sends of a DataBar or a case label that has its GTIN alone, without the symbology.
_LONE_GTIN = re.compile(r"01[0-9]{14}")
_LINK = re.compile(r"(https?://[^/?#]*)(.*)", re.IGNORECASE | re.DOTALL)
_PRINTED = re.compile(r"[0-9](?: ?[0-9])+|[0-9](?:[ -]?[0-9]){11,}")


@dataclass(frozen=True, slots=True)
class ReadCode:
    """What a code says: the forms by which its product is known, and what else is in it.

    `grams` is a weight, `price_minor` the price of a scale label in minor units. `sell_by_date` is
    the last day of sale.
    """

    values: tuple[str, ...]
    batch_code: str | None = None
    sell_by_date: date | None = None
    grams: int | None = None
    price_minor: int | None = None


def read_code(text: str, label_formats: Sequence[str] = ()) -> ReadCode:
    """Read a code; `label_formats` are those of the company's scales.

    A text that is no code of a kind is one itself: its product is unknown then.
    """
    visible = _visible(text)
    elements = _read_elements(visible)
    if elements is not None:
        return elements
    printed = _SYMBOLOGY.sub("", visible).replace(GROUP_SEPARATOR, "")[:MAX_SCAN_LENGTH]
    plain = unspaced_gtin(printed)
    label: ScaleLabel | None = read_label(plain, label_formats)
    if label is not None:
        return ReadCode(label.items, None, None, label.grams, label.price_minor)
    # A scanner that names the symbology EAN-8 has not read a UPC-E.
    upc_a = None if visible.startswith("]E4") else expand_upc_e(plain)
    forms = [canonical_code(plain), upc_a, printed]
    if printed == plain:
        forms.pop()
    return ReadCode(tuple(form for form in forms if form is not None))


def canonical_code(text: str) -> str:
    """Return the form of a code that is compared: a GTIN with 14 digits, any other as it is.

    The function of the same name in the database does the same.
    """
    return text.zfill(14) if is_gtin(text) else text


def unspaced_gtin(text: str) -> str:
    """Return a GTIN or UPC-E without the spaces and hyphens with which it is printed.

    Any other text is returned as it is: spaces and hyphens are a part of a company's own codes.
    """
    if text.isalnum() or _PRINTED.fullmatch(text) is None:
        return text
    digits = text.replace(" ", "").replace("-", "")
    is_upc_e = len(digits) == max(UPC_E_LENGTHS) and expand_upc_e(digits) is not None
    return digits if is_gtin(digits) or is_upc_e else text


def expand_upc_e(text: str) -> str | None:
    """Return the canonical form of the UPC-A that a UPC-E stands for; None for any other text.

    A UPC-E has 8 digits, or 6 from scanners that send neither number system nor check digit. The
    function `upc_e_product_code` in the database does the same.
    """
    if len(text) not in UPC_E_LENGTHS or not _is_number(text):
        return None
    try:
        return canonical_code(Upc.parse(text).as_upc_a())
    except biip.ParseError:
        return None


def printed_forms(value: str) -> list[str]:
    """Return the texts that have a canonical form: a GTIN of each length, any other as it is."""
    if not is_gtin(value):
        return [value]
    zeros = len(value) - len(value.lstrip("0"))
    return [value[-length:] for length in GTIN_LENGTHS if len(value) - length <= zeros]


def is_gtin(text: str) -> bool:
    """Whether a text is a GTIN-8, -12, -13 or -14 with a valid check digit."""
    return len(text) in GTIN_LENGTHS and _is_number(text) and check_digit(text[:-1]) == text[-1]


def check_digit(digits: str) -> str:
    """Return the check digit (modulo 10, weights 3 and 1 from the right) of a number."""
    weighted = (int(digit) * (1 if nth % 2 else 3) for nth, digit in enumerate(reversed(digits)))
    return str(-sum(weighted) % 10)


def parse_barcode(text: str, *path: str) -> str:
    """Return a barcode for a product, without invisible marks and spaces around it.

    A UPC-E of 8 digits that is no GTIN-8 becomes its UPC-A. Raises DomainError: InvalidInput for a
    number of the length of a GTIN with a wrong check digit, for a text that can't be a code, and
    for a code that says more than the product.
    """
    visible = _visible(text)
    elements = _read_elements(visible)
    if elements is not None and elements == ReadCode(elements.values):
        return elements.values[0]
    code = unspaced_gtin(_SYMBOLOGY.sub("", visible))
    if elements is not None or not code.isprintable() or not 1 <= len(code) <= MAX_CODE_LENGTH:
        message = f"A barcode is 1 to {MAX_CODE_LENGTH} printable characters, without lot or date."
        raise DomainError(InvalidInput(path=list(path), message=message))
    if len(code) in GTIN_LENGTHS and _is_number(code) and not is_gtin(code):
        if (upc_a := expand_upc_e(code)) is not None:
            return upc_a.removeprefix("00")
        message = f"The last digit of this number would be {check_digit(code[:-1])}: scan it again."
        raise DomainError(InvalidInput(path=list(path), message=message))
    return code


def _visible(text: str) -> str:
    """The code without what can't be seen, and without the first FNC1 that some scanners send."""
    return code_form(text[:MAX_SCAN_LENGTH]).removeprefix(GROUP_SEPARATOR)


def _is_number(text: str) -> bool:
    return _DIGITS.fullmatch(text) is not None


def _read_elements(text: str) -> ReadCode | None:
    """Read a GS1 element string or Digital Link that has a GTIN; None if it is none."""
    elements: Iterable[GS1ElementString] | None
    try:
        if text.startswith("("):
            elements = GS1Message.parse_hri(text).element_strings
        elif (parts := _LINK.fullmatch(text)) is not None:
            # QR codes in capital letters need less space; in the path capital letters matter.
            link = biip.parse(parts[1].lower() + parts[2]).gs1_digital_link_uri
            elements = link.element_strings if link is not None else None
        elif _LONE_GTIN.fullmatch(text):
            # It may be a company's own code as well.
            return ReadCode((text[2:], text)) if is_gtin(text[2:]) else None
        elif text.startswith(("]C1", "]d2", "]Q3", "]e0", "]J1")) or _ELEMENTS.fullmatch(text):
            elements = GS1Message.parse(text[3:] if text[0] == "]" else text).element_strings
        else:
            return None
    except (biip.ParseError, ValueError, IndexError):
        return None
    return _of_elements(elements or ())


def _of_elements(elements: Iterable[GS1ElementString]) -> ReadCode | None:
    found = {one.ai.ai: one for one in elements}
    gtin = found.get("01") or found.get("02")
    if gtin is None or not is_gtin(gtin.value):
        return None
    weight = next((one for ai, one in found.items() if ai.startswith("310")), None)
    return ReadCode(
        (gtin.value,),
        found["10"].value if "10" in found else None,
        _sell_by_date(found),
        _grams(weight.decimal) if weight is not None else None,
    )


def _sell_by_date(found: Mapping[str, GS1ElementString]) -> date | None:
    """The last day of sale: of "sell by" (16) and "expires" (17) the earlier one, else 15."""
    limits = [found[ai].date for ai in ("16", "17") if ai in found]
    dates = [limit for limit in limits if limit is not None]
    best_before = found["15"].date if "15" in found else None
    return min(dates, default=best_before)


def _grams(kilograms: Decimal | None) -> int | None:
    return None if kilograms is None else round(kilograms * 1000)
