"""The transcript: actor, action, time and duration."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

COLUMN = 9


class Transcript:
    """Prints one line per action, with seconds since the start and its milliseconds."""

    def __init__(self) -> None:
        self._began = time.perf_counter()

    def says(self, who: str, words: str) -> None:
        """Print an observation."""
        print(f"{self._at()}  {who:<{COLUMN}} {words}", flush=True)

    @contextmanager
    def does(self, who: str, words: str) -> Iterator[list[str]]:
        """Print an action after the block, which may append results to the list."""
        began = time.perf_counter()
        outcome: list[str] = []
        yield outcome
        took = (time.perf_counter() - began) * 1000
        result = f" → {' '.join(outcome)}" if outcome else ""
        print(f"{self._at()}  {who:<{COLUMN}} {words}{result}  ({took:.0f} ms)", flush=True)

    def _at(self) -> str:
        return f"{time.perf_counter() - self._began:6.2f} s"
