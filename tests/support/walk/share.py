"""Which part of a walk runs: all of it with DARKSTORE_WALK=full, otherwise a fixed fifth."""

import os
from collections.abc import Iterable, Iterator
from zlib import crc32

IS_FULL = os.environ.get("DARKSTORE_WALK") == "full"
PART = 5


def share(document: str, people: Iterable[str], turn: int, part: int = PART) -> Iterator[str]:
    """The people who execute a document in this turn: over `part` turns, each of them once."""
    for who in people:
        if IS_FULL or (crc32(f"{document} {who}".encode()) + turn) % part == 0:
            yield who
