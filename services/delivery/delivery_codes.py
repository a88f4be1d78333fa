"""Codes that riders give as a proof: of the handover, of the delivery, of the return."""

import hmac
import secrets
from dataclasses import dataclass

from services.core.problems import CommittedDomainError, Problem
from services.delivery.delivery_states import MAX_CODE_ATTEMPTS, LockedDelivery

CODE_DIGITS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongDeliveryCode(Problem):
    """The code or PIN is wrong; after `tries_left` more attempts store or support must act."""

    tries_left: int


def new_code(*known_codes: str) -> str:
    """A random code that differs from those that are known already."""
    while True:
        code = f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}}"
        if code not in known_codes:
            return code


def check_code(
    locked: LockedDelivery,
    code: str | None,
    expected_code: str,
    attempts_column: str,
    field_name: str,
) -> None:
    """Check the code that a rider gives; store staff and support need none.

    Raises CommittedDomainError: WrongDeliveryCode, so that the wrong attempt is counted.
    """
    if not locked.by_rider:
        return
    if code is not None and hmac.compare_digest(
        code.encode(errors="replace"), expected_code.encode()
    ):
        return
    if code is not None:
        setattr(locked.delivery, attempts_column, getattr(locked.delivery, attempts_column) + 1)
    attempts_left = MAX_CODE_ATTEMPTS - getattr(locked.delivery, attempts_column)
    message = f"That is not the code: {attempts_left} tries are left." if code else "Say the code."
    raise CommittedDomainError(
        WrongDeliveryCode(path=["input", field_name], message=message, tries_left=attempts_left)
    )
