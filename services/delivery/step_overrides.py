"""Steps that others take in place of the rider, or without a proof: each needs a reason."""

from dataclasses import dataclass
from typing import Any

from models.delivery import DeliveryOverrideReason
from services.core.problems import DomainError, InvalidInput
from services.core.text import parse_line
from services.delivery.delivery_records import LockedDelivery

MAX_NOTE_LENGTH = 500


@dataclass(frozen=True, slots=True)
class StepOverride:
    """The reason for a step in place of the rider, with a note."""

    reason: DeliveryOverrideReason
    note: str = ""


def store_override(locked: LockedDelivery, override: StepOverride | None) -> dict[str, object]:
    """Store the reason of somebody who is not the rider; returns it as facts of the event.

    Raises DomainError: InvalidInput without a reason, or for a rider who gives one.
    """
    if locked.by_rider:
        if override is not None:
            raise _invalid("Only store staff and support take a step in place of the rider.")
        return {}
    if override is None:
        raise _invalid("Say why you take this step in place of the rider.")
    return write_override(locked.delivery, override)


def write_override(row: Any, override: StepOverride) -> dict[str, object]:
    """Store a reason in a delivery or a fulfillment; returns it as facts of the event.

    The row keeps the newest reason and note; those of steps before are in their audit rows, as
    notes are not for everybody who reads events. Raises DomainError: InvalidInput, also for the
    reason OTHER without a note.
    """
    note = parse_line(override.note, "input", "override", "note", max_length=MAX_NOTE_LENGTH)
    if override.reason is DeliveryOverrideReason.OTHER and not note:
        message = "Write what the other reason is."
        raise DomainError(InvalidInput(path=["input", "override", "note"], message=message))
    row.override_reason, row.override_note = override.reason, note
    return {"override_reason": override.reason}


def _invalid(message: str) -> DomainError:
    return DomainError(InvalidInput(path=["input", "override"], message=message))
