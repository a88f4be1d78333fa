"""Text as it is sent: invisible characters, normal forms, lines, codes and their digits."""

import re
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core.problems import DomainError
from services.core.text import (
    MAX_LINE_LENGTH,
    code_form,
    parse_code,
    parse_digits,
    parse_key,
    parse_line,
    parse_multiline,
)

INVISIBLE = (
    "\u00ad\u034f\u061c\u115f\u180e\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e"
    "\u2060\u2066\u2069\u3164\ufe0f\ufeff\uffa0\ufffb\ufffc\U000e0041"
)


@pytest.mark.parametrize(
    "text",
    ["\u200b", "\u202e\u2066", "\ufeff \u00a0", "\u2800", "\u0301", "\ufffc", "\ufffd \ufffd"],
)
def test_a_name_that_cannot_be_seen_is_empty(text: str) -> None:
    """A company's name of zero-width characters was stored: lists showed a row without a name."""
    with pytest.raises(DomainError):
        parse_line(text, "name", min_length=1)


# Symbols of a blank, with signs of their own.
SHOWN_BLANKS = {"BLANK SYMBOL", "SYMBOL FOR NULL", "SYMBOL FOR SUBSTITUTE"}
NOTHING = re.compile(r"\b(BLANK|FILLER|NULL|INVISIBLE|REPLACEMENT)\b")


def shows_nothing(character: str) -> bool:
    """Whether Unicode says so: by its category, or by its name for what is a letter or symbol."""
    category = unicodedata.category(character)
    if category[0] in "CZM" or category == "Po":
        return category != "Po"
    name = unicodedata.name(character, "")
    return bool(NOTHING.search(name)) and name not in SHOWN_BLANKS


def is_refused(name: str) -> bool:
    try:
        parse_line(name, "name", min_length=1)
    except DomainError:
        return True
    return False


def is_unassigned(character: str) -> bool:
    """Whether a character means nothing, or something in private; not one that no text may have."""
    is_noncharacter = "\ufdd0" <= character <= "\ufdef" or ord(character) & 0xFFFE == 0xFFFE
    return unicodedata.category(character) in {"Cn", "Co"} and not is_noncharacter


def test_no_character_that_shows_nothing_is_a_name() -> None:
    """U+FFFC, which a copied picture leaves, was a company's name: its row in a list was empty."""
    characters = [chr(number) for number in range(sys.maxunicode + 1)]
    wrong = [
        f"U+{ord(character):04X}"
        for character in characters
        if not is_unassigned(character) and is_refused(character) != shows_nothing(character)
    ]
    assert wrong == []


def test_no_name_has_only_unassigned_characters() -> None:
    """Of 970,000; a line of some is accepted as soon as one of them counts as shown."""
    unassigned = "".join(filter(is_unassigned, map(chr, range(sys.maxunicode + 1))))
    starts = range(0, len(unassigned), MAX_LINE_LENGTH)
    names = [unassigned[start : start + MAX_LINE_LENGTH] for start in starts]
    assert [f"U+{ord(name[0]):04X} and after" for name in names if not is_refused(name)] == []


@pytest.mark.parametrize("mark", INVISIBLE)
def test_names_that_look_equal_are_equal(mark: str) -> None:
    """A zero-width or bidi character made a second company of the same name."""
    assert parse_line(f"{mark}Harbour{mark} Foods{mark}", "name") == "Harbour Foods"


def test_a_name_has_one_normal_form_and_single_spaces() -> None:
    """Two forms of one accent, or two spaces, made two of what everybody reads as one name."""
    assert parse_line("  Cafe\u0301\u00a0\u3000 Luna ", "name") == "Caf\u00e9 Luna"


@pytest.mark.parametrize(
    "line_break", ["\n", "\r\n", "\r", "\u0085", "\u2028", "\u2029", "\v", "\f"]
)
def test_every_line_break_is_one(line_break: str) -> None:
    """U+2028 passed as a part of one line."""
    text = f"first{line_break}second"
    with pytest.raises(DomainError):
        parse_line(text, "name")
    assert parse_multiline(text, "body", max_length=20) == "first\nsecond"
    assert parse_line(f"{text[:5]}{line_break}", "name") == "first"


@pytest.mark.parametrize("control", ["\0", "\x07", "\x1b", "\x7f", "\x9b", "\ud800", "\uffff"])
def test_a_control_character_is_refused_in_every_use(control: str) -> None:
    """A NUL or an escape in a note ended as an unexpected error, or in a terminal."""
    text = f"a{control}b"
    with pytest.raises(DomainError):
        parse_line(text, "name")
    with pytest.raises(DomainError):
        parse_multiline(text, "body", max_length=20)
    with pytest.raises(DomainError):
        parse_code(text, "code", max_length=20)


@pytest.mark.parametrize(
    "text",
    [
        # Persian spells prefixes with a non-joiner, Sinhala its conjuncts with a joiner.
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        "ක්\u200dරි",
        "र्\u200dय",
        "👩\u200d🚀",
        "❤\ufe0f",
        "🏳\ufe0f\u200d🌈",
        "👋🏽",
        "1\ufe0f\u20e3",
        "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
        "葛\U000e0100城",
    ],
)
def test_joiners_stay_where_a_script_or_an_emoji_needs_them(text: str) -> None:
    """Removed everywhere, they would break words of Persian and Hindi, and families of emoji."""
    assert parse_line(text, "name", min_length=1) == unicodedata.normalize("NFC", text)


@pytest.mark.parametrize(
    "text", ["\u200dHarbour", "Har\u200cbour", "\u0645\u06cc\u200c", "a\ufe0f\u200d\U0001f680"]
)
def test_joiners_go_where_they_do_nothing(text: str) -> None:
    """Between Latin letters they make a second name that looks like the first."""
    assert not set(parse_line(text, "name")) & set("\u200c\u200d\ufe0f")


@given(st.text(max_size=60) | st.text(f"aé\u0301مक\u094d👩{INVISIBLE}\n ", max_size=30))
def test_parsed_text_is_stable_and_visible(text: str) -> None:
    """Parsing again changes nothing, so that what was stored is equal to what is typed again."""
    for parse in (parse_line, parse_multiline, parse_code):
        try:
            parsed = parse(text, "x", max_length=2_000, min_length=1)
        except DomainError:
            continue
        assert parse(parsed, "x", max_length=2_000, min_length=1) == parsed
        assert any(unicodedata.category(each)[0] not in "MZC" for each in parsed)
        assert unicodedata.is_normalized("NFC", parsed)
        assert not set(parsed) & set("\u200b\u200e\u202e\ufeff\u2028\r\0")
        assert parsed == parsed.strip()


@given(st.text(max_size=60))
def test_typed_and_decomposed_text_are_equal(text: str) -> None:
    """A file from another system has NFD: its names were never equal to typed ones."""
    try:
        parsed = parse_line(text, "x", max_length=2_000)
    except DomainError:
        return
    assert parse_line(unicodedata.normalize("NFD", text), "x", max_length=2_000) == parsed


@pytest.mark.parametrize(
    "typed",
    [
        "394789",
        "394 789",
        " 394\u00a0789\n",
        "394-789",
        "394\u2013789",
        "3 9 4 7 8 9",
        "#394789",
        "'394789",
        "(394.789)",
        "\u200e394789",
        "\u202a394789\u202c",
        "\ufeff394\u200b789",
        "\uff13\uff19\uff14\uff17\uff18\uff19",
        "\u0663\u0669\u0664\u0667\u0668\u0669",
        "\u0969\u096f\u096a\u096d\u096e\u096f",
        "\U0001d7d1\U0001d7d7\U0001d7d2\U0001d7d5\U0001d7d6\U0001d7d7",
    ],
)
def test_digits_are_read_however_they_are_typed(typed: str) -> None:
    """ "394 789", full-width digits or a mark in front cost one of five tries."""
    assert parse_digits(typed, 6) == "394789"


@pytest.mark.parametrize("typed", ["", "39478", "3947890", "39478x", "x" * 9_999, "394789" * 11])
def test_a_text_that_is_no_code_of_digits_is_none(typed: str) -> None:
    """What can't be the code is told as such, and costs no try."""
    assert parse_digits(typed, 6) is None


GAPS = st.sampled_from(["", " ", "\u00a0", "-", ".", *INVISIBLE])


@given(
    digits=st.text("0123456789", min_size=6, max_size=6),
    zero=st.sampled_from("0\uff10\u0660\u06f0\u0966\u0e50\U0001d7ce"),
    gaps=st.lists(GAPS, min_size=7, max_size=7),
)
def test_a_code_survives_each_script_and_each_gap(digits: str, zero: str, gaps: list[str]) -> None:
    """Whatever digits and gaps a keyboard makes, the code is the one that was sent."""
    written = (chr(ord(zero) + int(digit)) for digit in digits)
    typed = gaps[0] + "".join(map("".join, zip(written, gaps[1:], strict=True)))
    assert parse_digits(typed, 6) == digits


def test_a_printed_code_is_equal_however_it_was_entered() -> None:
    """Letters of a code from paper are typed in small, with spaces or hyphens."""
    assert (
        parse_code("\u200e\uff2c\uff2f\uff34\u00a0\u0661\u0662a ", "x", max_length=9) == "LOT 12a"
    )
    assert code_form("LOT  12a") == "LOT 12a"


def test_a_key_of_a_link_survives_the_clipboard() -> None:
    """A mail program breaks a link or adds a mark: the key was refused."""
    assert parse_key(" abc\u200bD-\n_e\u2060 ") == "abcD-_e"
