"""Labels of a store's scales: a GTIN-13 with prefix 20 to 29 that holds a weight or a price.

Each company says how its scales are set, as in `21IIIIIWWWWWC`: digits stand for themselves, I for
the digits of the product's code, W for grams, P for the price in minor units, V for a digit that
checks the value (not checked), C for the check digit of the whole label.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from services.core.problems import DomainError, InvalidInput
from services.core.text import parse_code

LABEL_LENGTH = 13
MAX_FORMATS = 10
FORMAT = re.compile(r"2[0-9](?=[0-9IWPV]{10}C$)[0-9]*I+V?(?:W+|P+)V?C")


@dataclass(frozen=True, slots=True)
class ScaleLabel:
    """The item digits, with and without leading zeros, and the weight or the price of a label."""

    items: tuple[str, ...]
    grams: int | None
    price_minor: int | None


def parse_formats(formats: Sequence[str], *path: str) -> list[str]:
    """Return the formats of a company's scale labels in upper case.

    Raises DomainError: InvalidInput for a wrong format, or two that fit the same label.
    """
    if len(formats) > MAX_FORMATS:
        raise _invalid(path, f"A company has at most {MAX_FORMATS} formats.")
    found = [
        parse_code(one, *path, str(nth), max_length=LABEL_LENGTH).upper()
        for nth, one in enumerate(formats)
    ]
    for nth, one in enumerate(found):
        if not FORMAT.fullmatch(one):
            raise _invalid((*path, str(nth)), "Write a format as 21IIIIIWWWWWC or 22IIIIVPPPPPC.")
        fixed = _fixed_digits(one)
        for other in map(_fixed_digits, found[:nth]):
            if fixed.startswith(other) or other.startswith(fixed):
                raise _invalid((*path, str(nth)), "Another format begins with the same digits.")
    return found


def read_label(text: str, formats: Sequence[str]) -> ScaleLabel | None:
    """Return what a label says by the format it fits; None if it fits none of them."""
    if not formats or len(text) != LABEL_LENGTH or not re.fullmatch("[0-9]+", text):
        return None
    for one in formats:
        if text.startswith(_fixed_digits(one)) and _check_digit_fits(text):
            item = "".join(d for d, kind in zip(text, one, strict=True) if kind == "I")
            grams, price = _number(text, one, "W"), _number(text, one, "P")
            items = dict.fromkeys((item, item.lstrip("0") or "0"))
            return ScaleLabel(tuple(items), grams, price)
    return None


def _fixed_digits(label_format: str) -> str:
    return label_format[: re.search("[^0-9]", label_format).start()]  # type: ignore[union-attr] # ends with C


def _number(text: str, label_format: str, kind: str) -> int | None:
    digits = "".join(d for d, one in zip(text, label_format, strict=True) if one == kind)
    return int(digits) if digits else None


def _check_digit_fits(text: str) -> bool:
    weighted = (int(d) * (3 if nth % 2 else 1) for nth, d in enumerate(text))
    return sum(weighted) % 10 == 0


def _invalid(path: tuple[str, ...], message: str) -> DomainError:
    return DomainError(InvalidInput(path=list(path), message=message))
