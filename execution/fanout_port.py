"""The output of one subscription, for an event source that shares one answer among many."""

from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Any

from execution.runtime.answer import Answer

Sink = Callable[[Answer], bool]
"""Takes an answer immediately; returns False if its buffer is full."""


@dataclass(frozen=True, slots=True)
class FanoutPort:
    """Lets an event source compute one answer for all subscriptions with an equal `sharing_key`.

    The engine sets it as `fanout_port` of the context. A fan-out group then calls `answer` of one
    member for each event, and passes the result to the `sink` of every member.
    """

    sharing_key: Hashable
    answer: Callable[[Any], Awaitable[Answer]]
    sink: Sink
