"""Documents that are meant to hurt, asked of the whole graph: refused before they run, in short."""

import pytest

from execution import Answer
from tests.execution.test_limits import REFUSAL_BYTES, documents
from tests.support.graph_queries import ENGINE

# Five, and the word that there are more.
MOST_ERRORS = 6
HOSTILE = dict(documents())


@pytest.mark.parametrize("name", HOSTILE)
def test_it_is_refused_in_less_than_a_kibibyte(name: str) -> None:
    refused = ENGINE.prepare(HOSTILE[name])
    assert isinstance(refused, Answer)
    assert not refused.executed
    assert len(refused.errors or []) <= MOST_ERRORS
    assert len(refused.encode()) < REFUSAL_BYTES


def test_a_refused_document_is_not_remembered() -> None:
    kept = len(ENGINE._documents._kept)
    for document in HOSTILE.values():
        ENGINE.prepare(document)
    assert len(ENGINE._documents._kept) == kept
