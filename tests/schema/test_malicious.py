"""Malicious documents against the whole schema: refused before execution, with a short answer."""

import pytest

from execution import Answer
from tests.support.execution.malicious_documents import MAX_REFUSAL_BYTES, malicious_documents
from tests.support.graph_queries import ENGINE

# Five errors, and one that says that there are more.
MAX_ERRORS = 6
HOSTILE = dict(malicious_documents())


@pytest.mark.parametrize("name", HOSTILE)
def test_a_malicious_document_is_refused_in_less_than_a_kibibyte(name: str) -> None:
    refused = ENGINE.prepare(HOSTILE[name])
    assert isinstance(refused, Answer)
    assert not refused.executed
    assert len(refused.errors or []) <= MAX_ERRORS
    assert len(refused.encode()) < MAX_REFUSAL_BYTES


def test_a_refused_document_is_not_cached() -> None:
    cached = len(ENGINE._documents._prepared)
    for document in HOSTILE.values():
        ENGINE.prepare(document)
    assert len(ENGINE._documents._prepared) == cached
