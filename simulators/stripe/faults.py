import math
import random
import zlib
from dataclasses import dataclass
from typing import Any

from simulators.stripe.wire import ApiError

DELAY_LIMIT_SECONDS = 60.0
COUNT_LIMIT = 10_000
REORDER_WINDOW_SECONDS = 0.25
SWITCHES = frozenset({"duplicate", "reorder", "drop_first", "outage", "pending_refunds"})


@dataclass
class Faults:
    """The faults that the simulator injects; all are off at the start.

    `fail_next` calls answer 500 and do nothing; `lose_answers` calls are done but the connection
    drops before the answer; `duplicate` sends each event twice; `reorder` sends the events of each
    quarter second backwards; `drop_first` loses each delivery's first attempt; `outage` answers
    every call of the API with 503; `refuse_captures` refuses the captures of that share of the
    intents (true: of all) as after a bank's change of mind, for one intent always or never;
    `pending_refunds` leaves new refunds pending until the control endpoint ends them.
    """

    duplicate: bool = False
    reorder: bool = False
    drop_first: bool = False
    delay_seconds: tuple[float, float] = (0.0, 0.0)
    latency_seconds: tuple[float, float] = (0.0, 0.0)
    fail_next: int = 0
    lose_answers: int = 0
    outage: bool = False
    refuse_captures: float = 0.0
    pending_refunds: bool = False

    def due_at(self, now: float) -> float:
        """Return when an event of now is sent, in seconds of the real clock."""
        due = now + random.uniform(*self.delay_seconds)
        if self.reorder:
            due = (math.floor(due / REORDER_WINDOW_SECONDS) + 1) * REORDER_WINDOW_SECONDS
        return due

    def latency(self) -> float:
        """Return the latency of the next call in seconds."""
        return random.uniform(*self.latency_seconds)

    def refuses_capture(self, intent_id: str) -> bool:
        """Whether the captures of an intent are refused: its id decides."""
        return zlib.crc32(intent_id.encode()) < self.refuse_captures * 2**32

    def take(self, name: str) -> bool:
        """Consume one of the counted faults; False if none is left."""
        left: int = getattr(self, name)
        if left > 0:
            setattr(self, name, left - 1)
        return left > 0


def read_faults(body: Any) -> Faults:
    """Parse the JSON of the control endpoint; faults that it does not name are off."""
    if not isinstance(body, dict):
        raise ApiError(400, "Faults are a JSON object.")
    faults = Faults()
    for name, value in body.items():
        match name:
            case _ if name in SWITCHES and isinstance(value, bool):
                setattr(faults, name, value)
            case "refuse_captures" if isinstance(value, (int, float)) and 0 <= value <= 1:
                faults.refuse_captures = float(value)
            case "fail_next" | "lose_answers" if type(value) is int and 0 <= value <= COUNT_LIMIT:
                setattr(faults, name, value)
            case "delay_seconds" | "latency_seconds":
                setattr(faults, name, _range(value))
            case _:
                raise ApiError(400, f"No such fault or value: {name[:50]}", param=name[:50])
    return faults


def _range(value: Any) -> tuple[float, float]:
    match value:
        case [int() | float() as low, int() | float() as high] if (
            0 <= low <= high <= DELAY_LIMIT_SECONDS
        ):
            return float(low), float(high)
    raise ApiError(400, f"A range is [low, high] within 0 to {DELAY_LIMIT_SECONDS:.0f} seconds.")
