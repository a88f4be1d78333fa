"""Documents that nobody wrote, the same ones for the same seed."""

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import seed as seeded


def generated(operations: Any, count: int, seed: int) -> list[str]:
    """`count` documents drawn from a strategy; the same seed gives the same documents."""
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
