"""Phone numbers as people write them, in the one form by which a person is known: E.164.

Google's library knows how each country writes its numbers; `_REWRITES` has what it leaves to the
caller: numbers that a country has made longer or shorter, in their form of before.
"""

import re
import unicodedata
from collections.abc import Callable
from functools import cache

import phonenumbers
from babel.core import get_global
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat, PhoneNumberType

from services.core.problems import DomainError, InvalidInput

MAX_PHONE_CHARS = 60
_LETTERS = re.compile(r"[^\W\d_]")
_ABROAD = re.compile(r"^[\s(]*(?:tel:\s*)?\+?0{2}[\s)]*(?=[1-9])")
_TRUNK = re.compile(r"^(\+\d{1,3})[\s-]*\(0\)")
_EXAMPLE = "+351912345678"
# These take no text message, or cost whoever sends one.
_WITHOUT_TEXTS = frozenset(
    {
        PhoneNumberType.PREMIUM_RATE, PhoneNumberType.SHARED_COST, PhoneNumberType.TOLL_FREE,
        PhoneNumberType.UAN, PhoneNumberType.PAGER, PhoneNumberType.VOICEMAIL,
        PhoneNumberType.PERSONAL_NUMBER,
    }
)  # fmt: skip


def parse_phone(text: str, *path: str, region: str | None = None, for_texts: bool = True) -> str:
    """Return a phone number in E.164, such as `+351912345678`.

    Spaces, punctuation, invisible marks, digits of any script, `00` for `+` and a trunk zero in
    parentheses are understood. `region` is the country (ISO 3166) in which a number without a
    country code was written. With `for_texts` it must be one that can receive text messages.
    Raises DomainError: InvalidInput.
    """
    number = read_phone(text, region)
    if number is None:
        example = "" if region else f" with its country code, such as {_EXAMPLE}"
        raise _invalid(path, f"Write a phone number that exists{example}.")
    if for_texts:
        if phonenumbers.number_type(number) in _WITHOUT_TEXTS or _is_of_no_country(number):
            raise _invalid(path, "This number can't receive text messages.")
        number = _as_mobile(number)
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def read_phone(text: str, region: str | None = None) -> PhoneNumber | None:
    """Return the number in a text; None if there is no such number, or it has an extension."""
    if len(text) > MAX_PHONE_CHARS:
        return None
    visible = _ABROAD.sub("+", "".join(map(_plain, unicodedata.normalize("NFKC", text))).strip())
    if _LETTERS.search(visible.removeprefix("tel:")):
        return None
    try:
        number = phonenumbers.parse(visible, region)
    except NumberParseException:
        return None
    if number.extension:
        return None
    if phonenumbers.is_valid_number(number):
        return number
    # Some write the zero of a trunk call even where the country has none.
    without_trunk = _TRUNK.sub(r"\1", visible)
    return read_phone(without_trunk) if without_trunk != visible else _rewritten(number)


@cache
def region_of_zone(timezone: str) -> str | None:
    """Return the country (ISO 3166) of a time zone, None for one of no country such as UTC."""
    territory = get_global("zone_territories").get(timezone)
    return territory if territory in phonenumbers.SUPPORTED_REGIONS else None


# By country code: a national number that is not valid as it is, in the form of today.
_REWRITES: dict[int, Callable[[str], str]] = {
    52: lambda number: number.removeprefix("1"),  # Mexico, since 2019: mobiles without 1
    55: lambda number: f"{number[:2]}9{number[2:]}",  # Brazil, since 2016: mobiles with 9
    229: lambda number: f"01{number}",  # Benin, since 2024: ten digits
}


def _plain(character: str) -> str:
    """A digit of any script as ASCII, nothing for a mark that can't be seen."""
    if unicodedata.category(character) in {"Cf", "Cc"}:
        return ""
    return str(unicodedata.decimal(character, character))


def _rewritten(number: PhoneNumber) -> PhoneNumber | None:
    """Return the number in today's form of its country; None if there is no such number."""
    rewrite = _REWRITES.get(number.country_code or 0)
    if rewrite is None:
        return None
    written = rewrite(phonenumbers.national_significant_number(number))
    try:
        changed = phonenumbers.parse(f"+{number.country_code}{written}")
    except NumberParseException:
        return None
    return changed if phonenumbers.is_valid_number(changed) else None


def _as_mobile(number: PhoneNumber) -> PhoneNumber:
    """Argentina: a mobile is dialed with a 9 from abroad only; texts reach no other number."""
    national = phonenumbers.national_significant_number(number)
    if number.country_code == 54 and not national.startswith("9"):
        mobile = phonenumbers.parse(f"+549{national}")
        return mobile if phonenumbers.is_valid_number(mobile) else number
    return number


def _is_of_no_country(number: PhoneNumber) -> bool:
    """Whether a number is of a satellite or another network for the whole world, as +882."""
    return (
        phonenumbers.region_code_for_number(number) == phonenumbers.REGION_CODE_FOR_NON_GEO_ENTITY
    )


def _invalid(path: tuple[str, ...], message: str) -> DomainError:
    return DomainError(InvalidInput(path=list(path), message=message))
