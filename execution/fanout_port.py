"""Where the answers of one subscription go, for those who can give one answer to many."""

from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Any

from execution.running.answer import Answer

Sink = Callable[[Answer], bool]
"""Takes an answer at once, or answers False when its reader has no room for it."""


@dataclass(frozen=True, slots=True)
class Outlet:
    """Listeners of equal `audience` get equal answers to an equal event: one of them makes it.

    The source of events finds it as its context's `outlet`, and may leave its loop to whoever
    tells many: then `answer` makes the answer to an event, and each one's `sink` takes it.
    """

    audience: Hashable
    answer: Callable[[Any], Awaitable[Answer]]
    sink: Sink
