"""Builds the queries of every text search; models/search_words.py cuts queries and stored text."""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, cast, false
from sqlalchemy.dialects.postgresql import TSQUERY

from models.search_words import NAME, compounds, joined, meetings, pairs, parts, stem
from services.core.problems import DomainError, InvalidInput

MAX_QUERY_LENGTH = 200
_THOUSANDS = re.compile(r"([1-9][0-9]{0,2})\.?([0-9]{3})([^0-9.]*)")
_BEFORE_GROUP, _GROUP = re.compile(r"[1-9][0-9]{0,2}"), re.compile(r"[0-9]{3}(?![0-9.]).*")


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
    neighbors = list(_neighbors(found))
    terms = dict.fromkeys(_neighbors_term(each, "", weight) for each in neighbors[:-1])
    terms[_neighbors_term(neighbors[-1], "*", weight)] = None
    return " & ".join(terms)


def _neighbors(found: Sequence[list[str]]) -> Iterator[list[list[str]]]:
    """Yield the words of a query one by one, and those together that may be one number: `1 000`."""
    at = 0
    while at < len(found):
        group = found[at : at + 2]
        is_number = (
            [len(words) for words in group] == [1, 1]
            and _BEFORE_GROUP.fullmatch(group[0][0])
            and _GROUP.fullmatch(group[1][0])
        )
        yield list(group if is_number else group[:1])
        at += 2 if is_number else 1


def _neighbors_term(neighbors: list[list[str]], prefix: str, weight: str) -> str:
    """The term of words, which may also be a number with its thousands written otherwise."""
    *before, last = neighbors
    terms = [_compound_term(words, "", weight) for words in before]
    term = " & ".join([*terms, _compound_term(last, prefix, weight)])
    number = _THOUSANDS.fullmatch("".join(word for words in neighbors for word in words))
    if number is None:
        return term
    thousands, rest, unit = number.groups()
    forms = [_word_term(f"{thousands}{dot}{rest}{unit}", prefix, weight) for dot in ("", ".")]
    # The unit of `1 000 ml` is stored with the number before it too, at its own place.
    for distance in (1, 2) if unit else (1,):
        group = _lexeme(f"{rest}{unit}", prefix, weight)
        forms.append(f"{_lexeme(thousands, '', weight)} <{distance}> {group}")
    return f"({' | '.join(dict.fromkeys([term, *forms]))})"


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
