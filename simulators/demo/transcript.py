"""The transcript: actor, action, time and duration."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

COLUMN = 9


class Transcript:
    """Prints one line per action, with seconds since the start and its milliseconds.

    `lines` has the same without times, and with names in place of masked values, so that it is
    equal in each run.
    """

    def __init__(self) -> None:
        self._began = time.perf_counter()
        self._masks: dict[str, str] = {}
        self.lines: list[str] = []

    def heading(self, title: str) -> None:
        """Print a title, and begin `lines` anew."""
        print(f"\n== {title}\n", flush=True)
        self.lines, self._masks = [], {}

    def mask(self, value: str, name: str) -> None:
        """Show a name in `lines` where a value of this run is printed."""
        self._masks[value] = name

    def says(self, who: str, words: str) -> None:
        """Print an observation."""
        self._print(who, words, "")

    @contextmanager
    def does(self, who: str, words: str) -> Iterator[list[str]]:
        """Print an action after the block, which may append results to the list."""
        began = time.perf_counter()
        outcome: list[str] = []
        yield outcome
        took = (time.perf_counter() - began) * 1000
        result = f" → {' '.join(outcome)}" if outcome else ""
        self._print(who, words + result, f"  ({took:.0f} ms)")

    def _print(self, who: str, words: str, took: str) -> None:
        line = f"{who:<{COLUMN}} {words}"
        print(f"{time.perf_counter() - self._began:6.2f} s  {line}{took}", flush=True)
        for value, name in self._masks.items():
            line = line.replace(value, name)
        self.lines.append(line)
