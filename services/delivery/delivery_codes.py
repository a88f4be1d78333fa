"""Codes that riders give as a proof: of the handover, of the delivery, of the return."""

import hmac
from dataclasses import dataclass

from models.delivery import Delivery
from models.message_text import count_text
from services.core.problems import CommittedDomainError, Problem
from services.core.text import parse_digits
from services.delivery.delivery_records import LockedDelivery
from services.orders.proof_codes import CODE_DIGITS

MAX_CODE_ATTEMPTS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class InvalidHandoverCode(Problem):
    """The code or PIN is wrong; after `attempts_remaining` more, store or support must act."""

    attempts_remaining: int


def handover_attempts_are_left(delivery: Delivery) -> bool:
    return delivery.handover_tries < MAX_CODE_ATTEMPTS


def return_attempts_are_left(delivery: Delivery) -> bool:
    return delivery.return_tries < MAX_CODE_ATTEMPTS


def pin_attempts_are_left(delivery: Delivery) -> bool:
    return delivery.pin_tries < MAX_CODE_ATTEMPTS


def check_code(
    locked: LockedDelivery,
    code: str | None,
    expected_code: str,
    attempts_column: str,
    field_name: str,
) -> None:
    """Check the code that a rider gives; store staff and support need none.

    Raises CommittedDomainError: InvalidHandoverCode, so that the wrong attempt is counted. A text
    that is no code of CODE_DIGITS digits is refused and not counted.
    """
    if not locked.by_rider:
        return
    digits = parse_digits(code or "", CODE_DIGITS)
    if digits is not None and hmac.compare_digest(digits, expected_code):
        return
    if digits is not None:
        setattr(locked.delivery, attempts_column, getattr(locked.delivery, attempts_column) + 1)
    attempts_left = MAX_CODE_ATTEMPTS - getattr(locked.delivery, attempts_column)
    message = wrong_code_message(code, digits, attempts_left)
    raise CommittedDomainError(
        InvalidHandoverCode(
            path=["input", field_name], message=message, attempts_remaining=attempts_left
        )
    )


def wrong_code_message(code: str | None, digits: str | None, attempts_remaining: int) -> str:
    """The message about a code that is wrong, no code at all, or left out."""
    if not code:
        return "Say the code."
    if digits is None:
        return f"The code has {CODE_DIGITS} digits."
    return f"That is not the code: {count_text(attempts_remaining, 'more try', 'more tries')}."
