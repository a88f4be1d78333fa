"""Values of cells as people and spreadsheets write them: whole numbers, and damaged codes."""

import re
import unicodedata
from functools import cache

from babel.dates import get_month_names

MINUS_SIGNS = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2212\ufe63\uff0d"), "-")
ARABIC_SEPARATORS = {0x066C: "'"}
ARABIC_DECIMAL = "\u066b"
MAX_DIGITS = 12
SPREADSHEET_DIGITS = 15
"""A spreadsheet keeps this many digits of a number."""
MONTH_LOCALES = ("en", "de", "fr", "es", "pt", "it", "nl", "pl", "sv", "cs", "tr")

SPREADSHEET_ERROR = re.compile(r"#(?:[A-Z/0]{2,8}[!?]?|#+)", re.IGNORECASE)
SCIENTIFIC = re.compile(r"[+-]?\d+(?:[.,]\d+)?E[+-]?\d{1,3}", re.IGNORECASE)
NUMERIC_DATE = re.compile(
    r"(?:\d{4}[-/]\d{1,2}[-/]\d{1,2}|\d{1,2}([-/.])\d{1,2}\1(?:\d{4}|\d{2}))"
    r"(?:[ T]\d{1,2}:\d{2}.*)?"
)
NAMED_DATE = re.compile(r"(?:\d{1,2}[-. /]+)?([^\W\d_]{3,10})\.?(?:[-. /]+\d{1,4})?")
FORMULA_TEXT = re.compile(r'="(.*)"', re.DOTALL)
GROUPED = re.compile(r"\d{1,3}(?:(?P<sign>[ '\u2019.,])\d{3})(?:(?P=sign)\d{3})*")

SCIENTIFIC_DAMAGE = "A spreadsheet has shortened this number"
DATE_DAMAGE = "A spreadsheet has made a date of this"
ERROR_DAMAGE = "This is an error of a spreadsheet"
FORMAT_AS_TEXT = "format its column as text and enter it again."


class NotWhole(ValueError):
    """A cell that is no whole number; `by_spreadsheet` if a spreadsheet has made it so."""

    def __init__(self, reason: str, *, by_spreadsheet: bool = False) -> None:
        super().__init__(reason)
        self.by_spreadsheet = by_spreadsheet


def unwrap_text(text: str) -> str:
    """A text without what spreadsheets use to mark it as text: ="0012", or '0012."""
    if (formula := FORMULA_TEXT.fullmatch(text)) is not None:
        return formula[1].strip()
    is_marked = text[:1] == "'" and (text[1:2].isdigit() or text[1:2] in tuple("=+-@"))
    return text[1:] if is_marked else text


def parse_whole_number(text: str, decimal: str) -> int:
    """Parse a whole number; `decimal` is the decimal sign of the file, "." or ",".

    It may have a sign, groups of three digits and a fraction of zeros, in digits of any script.
    Raises NotWhole, with the reason as a sentence.
    """
    if text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS:
        return int(text)
    _refuse_damage(text)
    plain = _plain(text).replace(ARABIC_DECIMAL, decimal)
    sign, plain = _split_sign(plain)
    whole, fraction = _split_fraction(plain, decimal)
    if fraction.strip("0"):
        raise NotWhole("it has a fraction")
    if not whole.isascii() or not whole.isdigit():
        raise NotWhole("it is not a number")
    if len(whole.lstrip("0")) > MAX_DIGITS:
        raise NotWhole("it is out of range")
    return sign * int(whole)


def code_damage(text: str) -> str:
    """What a spreadsheet seems to have done to a product code, as a sentence; else "".

    A code may look like this and be right: ask only when nothing has this code.
    """
    if text.isalnum() and not text[0].isdigit():
        return ""
    if SPREADSHEET_ERROR.fullmatch(text):
        return f"{ERROR_DAMAGE}: {FORMAT_AS_TEXT}"
    if SCIENTIFIC.fullmatch(text):
        return f"{SCIENTIFIC_DAMAGE}: {FORMAT_AS_TEXT}"
    if _is_date(text):
        return f"{DATE_DAMAGE}: {FORMAT_AS_TEXT}"
    number = re.fullmatch(r"(\d+)(?:[.,]0+)?", text)
    if number is not None and number[0] != number[1]:
        return f"A program has made a decimal number of this code: {FORMAT_AS_TEXT}"
    zeros = len(text) - SPREADSHEET_DIGITS
    if number is not None and zeros > 0 and text.endswith("0" * zeros):
        return f"A spreadsheet keeps {SPREADSHEET_DIGITS} digits of a number: {FORMAT_AS_TEXT}"
    return ""


def _refuse_damage(text: str) -> None:
    if SPREADSHEET_ERROR.fullmatch(text):
        raise NotWhole("it is an error of a spreadsheet", by_spreadsheet=True)
    if SCIENTIFIC.fullmatch(text):
        raise NotWhole("a spreadsheet has shortened it", by_spreadsheet=True)
    if _is_date(text):
        raise NotWhole("a spreadsheet has made a date of it", by_spreadsheet=True)


def _plain(text: str) -> str:
    """A number in ASCII digits with ordinary minus signs and spaces."""
    signs = text.translate(MINUS_SIGNS).translate(ARABIC_SEPARATORS)
    characters = []
    for one in unicodedata.normalize("NFKC", signs):
        digit = unicodedata.decimal(one, None)
        space = unicodedata.category(one) == "Zs"
        characters.append(str(digit) if digit is not None else " " if space else one)
    return "".join(characters).strip()


def _split_sign(text: str) -> tuple[int, str]:
    """The sign of a number, in front, behind or as brackets around it, and the rest."""
    if text.startswith("(") and text.endswith(")"):
        return -1, text[1:-1].strip()
    if text.endswith("-"):
        return -1, text[:-1].strip()
    if text.startswith(("-", "+")):
        return (-1 if text[0] == "-" else 1), text[1:].strip()
    return 1, text


def _split_fraction(text: str, decimal: str) -> tuple[str, str]:
    """The digits before and after the decimal sign, without signs between groups of three."""
    points = [sign for sign in text if sign in ".,"]
    if not points:
        return _join_groups(text), ""
    last = points[-1]
    if points.count(last) > 1:
        return _join_groups(text), ""
    whole, fraction = text.rsplit(last, 1)
    if not fraction.isdigit() and fraction:
        raise NotWhole("it is not a number")
    if len(points) == 1 and last != decimal and len(fraction) == 3 and whole.isdigit():
        raise NotWhole(f"it can mean {whole}{fraction} or {whole}.{fraction}")
    return _join_groups(whole or "0"), fraction


def _join_groups(text: str) -> str:
    if (grouped := GROUPED.fullmatch(text)) is not None:
        return text.replace(grouped["sign"], "")
    return text


def _is_date(text: str) -> bool:
    if NUMERIC_DATE.fullmatch(text):
        return True
    named = NAMED_DATE.fullmatch(text)
    return named is not None and named[0] != named[1] and named[1].casefold() in _month_names()


@cache
def _month_names() -> frozenset[str]:
    """Names of months; a spreadsheet shortens the German March otherwise than babel."""
    return frozenset({"mrz"}).union(
        name.rstrip(".").casefold()
        for locale in MONTH_LOCALES
        for width in ("abbreviated", "wide")
        for name in get_month_names(width, locale=locale).values()
    )
