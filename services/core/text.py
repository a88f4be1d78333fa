"""Text that clients send, read by one value type with a rule for each use.

A name is one line, a note may have several, a code is what is printed or read out, digits are a
code of digits alone, a key is what a link or a program carries. Whatever the use: text is stored
in the normal form NFC, without characters that cannot be seen, so that text which looks empty is
empty and names that look equal are equal. Joiners, variation selectors and tags stay where a script
or an emoji needs them. Control characters and half surrogate pairs are refused. Every entry point
calls these functions; none of them trims or measures text by itself.
"""

import re
import unicodedata

from models.message_text import number_text
from models.search_words import INVISIBLE
from services.core.problems import DomainError, InvalidInput, field_text

MAX_LINE_LENGTH = 200
MAX_DIGITS_TEXT = 60
"""Characters of a text that can still be a code of digits."""
_JOINED = (  # letters and marks of scripts that are spelled with joiners
    "\u0600-\u08ff\u0900-\u0dff\u0f00-\u109f\u1780-\u17ff\u1800-\u18af\u1980-\u1aaf\u1b00-\u1bff"
    "\ua840-\ua87f\ua8e0-\ua9ff\uaa60-\uaaff\uabc0-\uabff\ufb50-\ufdff\ufe70-\ufefc"
    "\U00010a00-\U00010eff\U00011000-\U00011fff\U0001e900-\U0001e95f"
)
_EMOJI = (
    "\u00a9\u00ae\u203c\u2049\u2122\u2139\u2190-\u21ff\u2300-\u23ff\u24c2\u25a0-\u27bf\u2934\u2935"
    "\u2b00-\u2bff\u3030\u303d\u3297\u3299\ufe0f\U0001f000-\U0001faff"
)
_HAN = "\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_UNSEEN = re.compile(f"[{INVISIBLE}\ufff9-\ufffc]")  # with the marks of an object that is not here
_UNSEEN_OR_NEEDED = re.compile(
    "(?P<needed>"
    f"(?<=[{_JOINED}])[\u200c\u200d](?=[{_JOINED}])"
    f"|(?<=[{_EMOJI}])(?:[\ufe0e\ufe0f]|\u200d(?=[{_EMOJI}]))"
    "|(?<=[0-9#*])\ufe0f(?=\u20e3)"
    f"|(?<=[{_HAN}])[\ufe00-\ufe02\U000e0100-\U000e01ef]"
    "|(?<=[\u1820-\u18aa])[\u180b-\u180d\u180f]"
    "|(?<=\U0001f3f4)[\U000e0020-\U000e007e]+\U000e007f"
    f")|{_UNSEEN.pattern}"
)
_REPEATED_JOINERS = re.compile("([\u200c\u200d])[\u200c\u200d]+")
_LINE_BREAKS = re.compile("\r\n?|[\u0085\u2028\u2029\v\f]")
_REFUSED = re.compile(
    "[\0-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff\U0001fffe-\U0001ffff]"
)
_SPACES = re.compile(" +")
# The empty pattern of Braille, the blanks of hieroglyphs, the notehead that nobody sees.
_BLANKS = str.maketrans(dict.fromkeys("\u2800\U00013441\U00013442\U0001d159", " "))
_PLACEHOLDER = "\N{REPLACEMENT CHARACTER}"
_PUNCTUATION = {"P", "Z", "C"}


def parse_line(
    text: str, *path: str, max_length: int = MAX_LINE_LENGTH, min_length: int = 0
) -> str:
    """Return a name or another text of one line, trimmed, with single spaces.

    Raises DomainError: InvalidInput for a length outside `min_length` to `max_length` characters,
    for line breaks and control characters.
    """
    return _in_bounds(_one_line(text, path), path, min_length, max_length)


def parse_multiline(text: str, *path: str, max_length: int, min_length: int = 0) -> str:
    """Like `parse_line`, for a note of several lines: line breaks, tabs and spaces are kept."""
    return _in_bounds(_normalized(text, path).strip(), path, min_length, max_length)


def parse_code(text: str, *path: str, max_length: int, min_length: int = 1) -> str:
    """Return a code that is printed or read out, such as the one of a batch.

    Like `parse_line`; letters and digits of full width and digits of other scripts are those of
    ASCII, and no invisible character is kept.
    """
    return _in_bounds(_one_line(code_form(text), path), path, min_length, max_length)


def code_form(text: str) -> str:
    """Return the form of a code by which equal codes are equal; checks nothing."""
    plain = text if text.isascii() else _ascii_digits(visible(unicodedata.normalize("NFKC", text)))
    return _SPACES.sub(" ", plain).strip()


def parse_digits(text: str, length: int) -> str | None:
    """Return a code of digits, however it is typed: `394 789`, in full width, with marks around.

    None if the text is no code of that length. It can't be the right one then, so that no try has
    to be counted.
    """
    if len(text) > MAX_DIGITS_TEXT:
        return None
    plain = _ascii_digits(visible(unicodedata.normalize("NFKC", text)))
    digits = "".join(each for each in plain if unicodedata.category(each)[0] not in _PUNCTUATION)
    return digits if re.fullmatch(f"[0-9]{{{length}}}", digits) else None


def parse_key(text: str) -> str:
    """Return the key of a link or a program, without the spaces and marks that a copy may add."""
    return "".join(visible(text).split())


def visible(text: str) -> str:
    """Return a text without any character that cannot be seen, joiners included."""
    return text if text.isascii() else _UNSEEN.sub("", text)


def storable_text(message: str, max_length: int) -> str:
    """The beginning of a message of another system, without what PostgreSQL's text can't hold."""
    text = message[:max_length].replace("\0", "\N{REPLACEMENT CHARACTER}")
    return text.encode(errors="replace").decode()


def _one_line(text: str, path: tuple[str, ...]) -> str:
    line = _normalized(text, path).strip()
    if "\n" in line or "\t" in line:
        raise _invalid(path, f"{field_text(path)} is one line of text.")
    return " ".join(line.split())


def _normalized(text: str, path: tuple[str, ...]) -> str:
    """The text in NFC with visible characters only. Raises DomainError: InvalidInput."""
    if _REFUSED.search(text):
        raise _invalid(path, f"{field_text(path)} has control characters.")
    lines = _LINE_BREAKS.sub("\n", text)
    if lines.isascii():
        return lines
    before, after = "", _REPEATED_JOINERS.sub(r"\1", lines.translate(_BLANKS))
    while before != after:  # what is removed may have needed its neighbor
        before = after
        after = unicodedata.normalize("NFC", _UNSEEN_OR_NEEDED.sub(_needed, before))
    return after


def _needed(found: re.Match[str]) -> str:
    return found["needed"] or ""


def _ascii_digits(text: str) -> str:
    if text.isascii():
        return text
    return "".join(str(unicodedata.decimal(each, each)) for each in text)


def _in_bounds(text: str, path: tuple[str, ...], min_length: int, max_length: int) -> str:
    if not min_length <= len(text) <= max_length:
        raise _invalid(
            path,
            f"{field_text(path)} has from {number_text(min_length)} to"
            f" {number_text(max_length)} characters.",
        )
    if text and not any(map(_is_shown, text)):
        raise _invalid(path, f"{field_text(path)} has no character that can be seen.")
    return text


def _is_shown(character: str) -> bool:
    """Whether a character shows something by itself."""
    return character != _PLACEHOLDER and unicodedata.category(character)[0] not in "MZC"


def _invalid(path: tuple[str, ...], message: str) -> DomainError:
    return DomainError(InvalidInput(path=list(path), message=message))
