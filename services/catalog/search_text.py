"""How text is cut for full-text search: the same way when a product is stored and when asked for.

PostgreSQL's parser finds no words in Chinese, so a run of Chinese characters is stored as its
single characters and its pairs, and a query of two or more characters asks for its pairs.
"""

import re
import unicodedata
from collections.abc import Iterator

from services.core.problems import InvalidInput, Refused

QUERY_LENGTH = 100
QUERY_WORDS = 12
IDEOGRAPHS = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f"
RUN = re.compile(f"[{IDEOGRAPHS}]+")
# A dot stays inside a number only: "1.5L" is a size, "dr.pepper" is two words, not a host.
WORD = re.compile(r"\d+\.\d+[^\W_]*|[^\W_]+")


def search_text(*texts: str) -> str:
    """The words of `texts` to be stored for search, each once, Chinese cut to pieces."""
    found: dict[str, None] = {}
    for text in texts:
        folded = unicodedata.normalize("NFKC", text)
        for run in RUN.findall(folded):
            found.update(dict.fromkeys(run))
            found.update(dict.fromkeys(_pairs(run)))
        found.update(dict.fromkeys(RUN.sub(" ", folded).split()))
    return " ".join(found)


def search_query(text: str) -> str:
    """A tsquery in PostgreSQL's syntax: every word must be met, the last one as a prefix.

    Refused when nothing is left to search for, or when it is over 100 characters.
    """
    if len(text) > QUERY_LENGTH:
        raise _invalid(f"A search has at most {QUERY_LENGTH} characters.")
    words = list(dict.fromkeys(_words(unicodedata.normalize("NFKC", text).lower())))[:QUERY_WORDS]
    if not words:
        raise _invalid("A search needs at least one letter or digit.")
    # Words hold letters, digits and dots only (see WORD), so the quotes can't be broken out of.
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


def _invalid(message: str) -> Refused:
    return Refused(InvalidInput(path=["query"], message=message))
