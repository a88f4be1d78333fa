"""Holds both executors equal on many generated documents: `python -m tests.execution.fuzz`.

Arguments: how many documents (5,000 unless told), and the seed.
"""

import asyncio
import sys
import warnings
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import seed as seeded

from tests.execution.differential import compare
from tests.execution.shop import Context, schema
from tests.execution.test_generated import OPERATIONS

DOCUMENTS = 5_000


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


async def fuzz(documents: list[str]) -> None:
    """Compare every document; the first difference is shown and raised."""
    for document in documents:
        try:
            await compare(schema, document, None, lambda: Context(staff=True))
        except AssertionError:
            print(document)
            raise


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # graphql-core leaves coroutines behind
    count, seed = (*map(int, sys.argv[1:]), *(DOCUMENTS, 1)[len(sys.argv) - 1 :])
    asyncio.run(fuzz(generated(OPERATIONS, count, seed)))
    print(f"{count} documents of seed {seed}: no difference")
