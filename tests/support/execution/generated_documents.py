"""Random documents, reproducible by a seed."""

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import seed as seeded


def generate_documents(operations: Any, count: int, seed: int) -> list[str]:
    """Draw `count` documents from a strategy; an equal seed gives equal documents.

    Hypothesis warns if anything else uses the global random generator meanwhile: call it while no
    event loop with background tasks runs.
    """
    documents: list[str] = []

    @seeded(seed)
    @settings(
        max_examples=count, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(operations)
    def draw(document: Any) -> None:
        documents.append(str(document))

    draw()
    return documents
