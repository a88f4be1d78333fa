"""Tokenizes text for full-text search, the same way for stored products and for queries.

PostgreSQL's parser finds no words in Chinese, so a run of Chinese characters is stored as its
single characters and its pairs, and a query of two or more characters searches for its pairs.
"""

import re
import unicodedata
from collections.abc import Iterator

from services.core.problems import DomainError, InvalidInput

MAX_QUERY_LENGTH = 100
MAX_QUERY_WORDS = 12
IDEOGRAPHS = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f"
RUN = re.compile(f"[{IDEOGRAPHS}]+")
# A dot is kept within a number only: "1.5L" is a size, "dr.pepper" is two words, not a host.
WORD = re.compile(r"\d+\.\d+[^\W_]*|[^\W_]+")


def search_text(*texts: str) -> str:
    """Return the tokens of the texts to store for search, each once."""
    tokens: dict[str, None] = {}
    for text in texts:
        normalized = unicodedata.normalize("NFKC", text)
        for run in RUN.findall(normalized):
            tokens.update(dict.fromkeys(run))
            tokens.update(dict.fromkeys(_pairs(run)))
        tokens.update(dict.fromkeys(RUN.sub(" ", normalized).split()))
    return " ".join(tokens)


def search_query(text: str) -> str:
    """Return a tsquery in PostgreSQL's syntax: all words must match, the last one as a prefix.

    Raises DomainError: InvalidInput for text without words or over 100 characters.
    """
    if len(text) > MAX_QUERY_LENGTH:
        raise _invalid(f"A search has at most {MAX_QUERY_LENGTH} characters.")
    words = list(dict.fromkeys(_words(unicodedata.normalize("NFKC", text).lower())))[
        :MAX_QUERY_WORDS
    ]
    if not words:
        raise _invalid("A search needs at least one letter or digit.")
    # Words hold letters, digits and dots only (see WORD), so they can't end the quotes.
    return " & ".join(f"'{word}'" for word in words) + ":*"


def _words(text: str) -> Iterator[str]:
    for word in WORD.findall(text):
        rest = 0
        for run in RUN.finditer(word):
            if run.start() > rest:
                yield word[rest : run.start()]
            yield from _pairs(run.group()) if len(run.group()) > 1 else run.group()
            rest = run.end()
        if rest < len(word):
            yield word[rest:]


def _pairs(run: str) -> Iterator[str]:
    return (run[at : at + 2] for at in range(len(run) - 1))


def _invalid(message: str) -> DomainError:
    return DomainError(InvalidInput(path=["query"], message=message))
