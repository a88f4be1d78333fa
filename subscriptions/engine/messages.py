"""What every message of a stream has, and where its answers are kept for all who get it."""

from dataclasses import dataclass, field

from execution.running.shared import Shared
from models.events import MessageKind

ANSWERS_COUNT = 256


@dataclass(frozen=True, slots=True)
class Message:
    """One message. `answers` makes listeners alike in what they ask and may see share theirs."""

    kind: MessageKind
    cursor: str
    answers: Shared | None = field(default=None, kw_only=True, repr=False, compare=False)
