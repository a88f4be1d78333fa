"""Builds the queries of every text search; models/search_words.py cuts queries and stored text."""

from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, cast, false
from sqlalchemy.dialects.postgresql import TSQUERY

from models.search_words import NAME, compounds, joined, meetings, pairs, parts, stem
from services.core.problems import DomainError, InvalidInput

MAX_QUERY_LENGTH = 200


def search_query(text: str) -> str:
    """Return a tsquery in PostgreSQL's syntax: all words must match, the last one as a prefix.

    Raises DomainError: InvalidInput for text without words or over 200 characters; no word is left
    out.
    """
    if len(text) > MAX_QUERY_LENGTH:
        raise _invalid(f"A search has at most {MAX_QUERY_LENGTH} characters.")
    if not (query := _query(text, "")):
        raise _invalid("A search needs at least one letter or digit.")
    return query


@lru_cache(maxsize=5_000)
def _query(text: str, weight: str) -> str:
    """The query of a text; empty for a text without words. Most people search for the same."""
    if not (found := list(compounds(text))):
        return ""
    terms = dict.fromkeys(_compound_term(words, "", weight) for words in found[:-1])
    terms[_compound_term(found[-1], "*", weight)] = None
    return " & ".join(terms)


def names_match(vector: Any, text: str) -> ColumnElement[bool]:
    """The condition that a row's names have all words of a text; false for one without words."""
    query = _query(text, NAME)
    match: ColumnElement[bool] = vector.op("@@")(cast(query, TSQUERY))
    return match if query else false()


def _compound_term(words: list[str], prefix: str, weight: str) -> str:
    """The term of words that belong together, which may also be written as one word."""
    terms = [_word_term(word, "", weight) for word in words[:-1]]
    terms.append(_word_term(words[-1], prefix, weight))
    term = " & ".join(terms)
    if len(words) == 1:
        return term
    return f"({term} | {_word_term(joined(words), prefix, weight)})"


def _word_term(word: str, prefix: str, weight: str) -> str:
    """The term of a word: its parts, all of which must match."""
    terms: list[str] = []
    cut = list(parts(word))
    for nth, (found, unspaced) in enumerate(cut):
        ending = prefix if nth == len(cut) - 1 else ""
        if unspaced or len(found) > 1:
            *first, last = pairs(found[0]) if unspaced else meetings(found)
            terms += (_lexeme(each, ending if unspaced else "", weight) for each in first)
            terms.append(_lexeme(last, ending, weight))
        else:
            terms.append(_part_term(found[0], ending, weight))
    return " & ".join(terms)


def _part_term(part: str, prefix: str, weight: str) -> str:
    """The term of a part without a cut, which may also match by its stem."""
    if stem(part) == part:
        return _lexeme(part, prefix, weight)
    return f"({_lexeme(part, prefix, weight)} | {_lexeme(stem(part), '', weight)})"


def _lexeme(text: str, prefix: str, weight: str) -> str:
    # Words hold letters, marks, digits, dots and symbols only, so they can't end the quotes.
    flags = prefix + weight
    return f"'{text}':{flags}" if flags else f"'{text}'"


def _invalid(message: str) -> DomainError:
    return DomainError(InvalidInput(path=["query"], message=message))
