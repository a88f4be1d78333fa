"""The base class of stream messages; it holds the answers that equal subscribers share."""

from dataclasses import dataclass, field

from execution.runtime.single_flight import SingleFlightCache
from models.events import StreamMessageKind

MAX_SHARED_ANSWERS = 256


@dataclass(frozen=True, slots=True)
class StreamMessage:
    """One message of a stream.

    Through `answers`, subscribers with equal documents and equal access share one answer.
    """

    kind: StreamMessageKind
    cursor: str
    answers: SingleFlightCache | None = field(default=None, kw_only=True, repr=False, compare=False)
