"""Cuts text into search words: one rule for stored text, which becomes a vector, and for queries.

Compatible characters, capital letters, accents, decimal digits and invisible characters make no
difference. Marks that are a part of the spelling stay, such as the vowel signs of Hindi or Thai.
PostgreSQL's own parser is not used: it reads `a/b` as a file, `-26` as a number, cuts Hindi words
at their vowel signs, and leaves out stop words, which may be names.

Chinese, Japanese, Thai and others are written without spaces. A run of their letters is stored as
its characters and its pairs of characters, and is searched for by its pairs: no dictionary is
needed, and any part of a run is found.

Numbers and letters that meet are treated alike, with or without a space: `1.25L`, `1,25 l` and
`7up` are stored as their parts and as pairs of neighboring parts. One word is searched for by its
pairs, several words by themselves. A comma within a number is a dot.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import pairwise
from typing import Any

from snowballstemmer.english_stemmer import EnglishStemmer
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.orm import MappedColumn, mapped_column

from database.base import DERIVED, Derivation

INVISIBLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff"
)
"""Characters without a sign of their own (Default_Ignorable_Code_Point), for a class of `re`."""
ACCENTS = (
    "\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"  # European
    "\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7"  # Hebrew points
    "\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed"
)
"""Marks that people leave out when they type, with the stretched line of Arabic (tatweel)."""
UNSPACED = (
    "\u0e01-\u0e4e\u0e80-\u0ece\u1000-\u109f\u1780-\u17d3\u1950-\u19df\u1a20-\u1aaf\ua9e0-\ua9ff"
    "\uaa60-\uaadf\u3005-\u3007\u3031-\u3035\u303b\u3041-\u30fa\u30fc-\u312f\u31a0-\u31bf"
    "\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U0001b000-\U0001b16f\U00020000-\U0003ffff"
)
"""Letters and marks of Thai, Lao, Khmer, Burmese, Tai, Japanese and Chinese."""
# Letters with a stroke have no separable mark; the apostrophes and hyphens of all keyboards.
LETTERS = str.maketrans(
    {
        "ø": "o",
        "ł": "l",
        "đ": "d",
        "ħ": "h",
        "\u0131": "i",
        "æ": "ae",
        "œ": "oe",
        "ð": "d",
        "þ": "th",
    }
    | dict.fromkeys("\u2018\u2019\u201b\u02b9\u02bb\u02bc\u0060\u00b4\u2032", "'")
    | dict.fromkeys("\u2010\u2011\u2012\u2013\u2212", "-")
    | {"_": " "}
)
DIGITS = frozenset("0123456789")
MAX_WORD_LENGTH = 80
NAME, OTHER = "A", "D"
"""The weights of words in PostgreSQL's vectors: of the name, and of what belongs to it."""


def _marks() -> str:
    """All combining marks, as ranges of a class of `re`; its own letters are without marks."""
    ranges: list[list[int]] = []
    for code in (*range(0x300, 0x20000), *range(0xE0100, 0xE01F0)):
        if unicodedata.category(chr(code))[0] == "M":
            if ranges and ranges[-1][1] == code - 1:
                ranges[-1][1] = code
            else:
                ranges.append([code, code])
    return "".join(f"{chr(low)}-{chr(high)}" for low, high in ranges)


# A dot or a comma is kept within a number only: "1,5L" is a size, "dr.pepper" is two words.
_NUMBER = "[0-9]+(?:[.,][0-9]+)?"
_WORD = re.compile(rf"(?:{_NUMBER}|(?:[^\W0-9]|[{_marks()}])+)++")
_COMPOUND = re.compile(rf"(?:{_WORD.pattern})(?:['-](?:{_WORD.pattern}))*")
_ASCII_WORD = re.compile(rf"(?:{_NUMBER}|[a-z]+)++")
_ASCII_COMPOUND = re.compile(rf"(?:{_ASCII_WORD.pattern})(?:['-](?:{_ASCII_WORD.pattern}))*")
_PART = re.compile(r"[0-9.]+|[^0-9.]+")
_RUN = re.compile(f"[{UNSPACED}]+")
_DROPPED = re.compile(f"[{INVISIBLE}{ACCENTS}]")
_FOREIGN_DIGIT = re.compile(r"(?![0-9])\d")
_STEMMED = re.compile("[a-z]{3,}")
_STEMMER = EnglishStemmer()


def fold(text: str) -> str:
    """Return the text without differences that a search ignores."""
    if text.isascii():
        return text.lower().translate(LETTERS)
    for _ in range(2):  # a folded letter may have parts again
        text = _DROPPED.sub("", unicodedata.normalize("NFKD", text)).casefold()
    text = unicodedata.normalize("NFKD", text.translate(LETTERS))
    return _FOREIGN_DIGIT.sub(lambda found: str(unicodedata.decimal(found[0])), text)


def compounds(text: str) -> Iterator[list[str]]:
    """Yield the words of a text, with those together that a hyphen or an apostrophe joins.

    If nothing else is in it, the symbols of a text are its words.
    """
    folded = fold(text)
    word, compound = _WORD, _COMPOUND
    if folded.isascii():
        word, compound = _ASCII_WORD, _ASCII_COMPOUND
    found = [
        [one.replace(",", ".") for one in word.findall(each)] for each in compound.findall(folded)
    ]
    yield from ([one[:MAX_WORD_LENGTH] for one in words] for words in found)
    if not found:
        yield from ([symbol] for symbol in _symbols(folded))


def joined(words: list[str]) -> str:
    """The words of a compound as one: `levis` for `levi's`."""
    return "".join(words)[:MAX_WORD_LENGTH]


def parts(word: str) -> Iterator[tuple[list[str], bool]]:
    """Cut a word where its script changes; True for a part of a script without spaces.

    Another part is a list: it is cut again where numbers and letters meet.
    """
    rest = 0
    for run in _RUN.finditer(word):
        if run.start() > rest:
            yield _PART.findall(word[rest : run.start()]), False
        yield [run.group()], True
        rest = run.end()
    if rest < len(word):
        yield _PART.findall(word[rest:]), False


def meetings(neighbors: list[str]) -> list[str]:
    """The pairs of neighboring numbers and words as one word each: `2x`, `x330`, `330ml`."""
    return [joined([left, right]) for left, right in pairwise(neighbors)]


def pairs(run: str) -> list[str]:
    """The pairs of neighboring characters of a run, each once; its only character if it is one."""
    return list(dict.fromkeys(run[at : at + 2] for at in range(len(run) - 1))) or [run]


@lru_cache(maxsize=20_000)
def stem(word: str) -> str:
    """The stem of an English word, otherwise the word itself."""
    return str(_STEMMER.stemWord(word)) if _STEMMED.fullmatch(word) else word


def search_vector(name: Iterable[str], other: Iterable[str] = ()) -> str:
    """Return a tsvector in PostgreSQL's syntax of texts that name a row, and of others."""
    positions: dict[str, list[str]] = defaultdict(list)
    position = 0
    for weight, texts in ((NAME, name), (OTHER, other)):
        for text in texts:
            last = ""
            for words in compounds(text):
                position = min(position + 1, 16_383)  # PostgreSQL's last position
                lexemes, last = _lexemes(words) | _across(last, words[0]), words[-1]
                for lexeme in lexemes:
                    positions[lexeme].append(f"{position}{weight}")
            for symbol in _symbols(fold(text)):
                positions[symbol].append(f"{max(position, 1)}{weight}")
    # PostgreSQL keeps at most 255 positions of a word.
    lists = {word: ",".join(dict.fromkeys(at[:255])) for word, at in positions.items()}
    return " ".join(f"'{word}':{at}" for word, at in lists.items())


def _lexemes(words: list[str]) -> dict[str, None]:
    """What is stored of a compound, each once."""
    lexemes: dict[str, None] = {}
    for word in words if len(words) == 1 else [*words, joined(words)]:
        for found, unspaced in parts(word):
            if unspaced:
                lexemes |= dict.fromkeys(found[0]) | dict.fromkeys(pairs(found[0]))
            else:
                lexemes |= dict.fromkeys(
                    [*found, *map(stem, found), *meetings(found), joined(found)]
                )
    return lexemes


def _across(left: str, right: str) -> dict[str, None]:
    """The pair of a number and a word that follow each other, as if no space was between them."""
    if not left or (left[-1] in DIGITS) == (right[0] in DIGITS):
        return {}
    (*_, (before, is_run)), (after, is_next_run) = parts(left), next(parts(right))
    return {} if is_run or is_next_run else {joined([before[-1], after[0]]): None}


def _symbols(folded: str) -> Iterator[str]:
    if not folded.isascii():
        yield from (each for each in folded if unicodedata.category(each) == "So")


def search_column(build: Callable[[Mapping[str, Any]], str], *sources: str) -> MappedColumn[str]:
    """A column of search words that `build` computes from the other columns of its row."""
    info = {DERIVED: Derivation(build, sources)}
    return mapped_column(TSVECTOR, server_default="", deferred=True, info=info)
