"""Checks of the customer's age at the hand-over of products that are not sold to minors.

Whoever hands the bags over records which document was shown and what it says; no number and no
date of birth are stored. Without a check that was passed the bags are not handed over; after one
that failed they come back by the failure AGE_CHECK_FAILED: no other check counts before
support begins another attempt, or somebody else of the store's staff checks who collects an order.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from models.events import OrderEventKind
from models.identity import Actor
from models.orders import AgeCheck, AgeCheckDocument, AgeCheckResult, Order
from models.stores import Store
from services.core.problems import DomainError, InvalidInput
from services.events.event_log import record_order_event
from services.stores.store_time import calendar_date

MAX_AGE_YEARS = 130


@dataclass(frozen=True, slots=True)
class ShownDocument:
    """What was seen at the hand-over: a document and the date of birth, or that it is early enough.

    Exactly one of `birth_date` and `is_old_enough` is given. Without a document there is no date of
    birth, and nobody is old enough.
    """

    document: AgeCheckDocument
    birth_date: date | None = None
    is_old_enough: bool | None = None


async def record_age_check(
    session: AsyncSession,
    order: Order,
    row: Any,
    actor: Actor,
    shown: ShownDocument,
    now: datetime,
    **facts: object,
) -> AgeCheck:
    """Record a check for a delivery or a fulfillment (`row`) of a locked order.

    Raises DomainError: InvalidInput.
    """
    store = await session.get_one(Store, row.store_id)
    today = calendar_date(store, now)
    check = AgeCheck(
        order_id=order.id,
        company_id=row.company_id,
        store_id=row.store_id,
        customer_id=order.customer_id,
        checked_by_id=actor.person_id,
        minimum_age=row.minimum_age,
        document=shown.document,
        from_birth_date=shown.birth_date is not None,
        result=check_document(shown, row.minimum_age, today),
        checked_at=now,
    )
    session.add(check)
    row.age_check_result = check.result
    row.version += 1
    record_order_event(
        session,
        order,
        OrderEventKind.AGE_CHECKED,
        queue_store_id=row.store_id,
        reason=check.result,
        **facts,
    )
    await session.flush()
    return check


def is_cleared(row: Any) -> bool:
    """Whether a delivery's or a fulfillment's bags may be handed over as far as the age goes."""
    return row.minimum_age is None or row.age_check_result is AgeCheckResult.PASSED


def needs_check(row: Any) -> bool:
    """Whether the bags hold products for which the age is checked."""
    return row.minimum_age is not None


def has_failed(row: Any) -> bool:
    """Whether the check of this attempt failed: then it stays so, until another one begins."""
    return row.age_check_result is AgeCheckResult.FAILED


def is_open(row: Any) -> bool:
    """Whether a check can be recorded for a delivery's bags."""
    return needs_check(row) and not has_failed(row)


def age_at(birth_date: date, today: date) -> int:
    """Whole years; somebody born on 29 February is a year older on 1 March of other years."""
    had_birthday = (today.month, today.day) >= (birth_date.month, birth_date.day)
    return today.year - birth_date.year - (0 if had_birthday else 1)


def check_document(
    shown: ShownDocument, minimum_age: int, today: date, *path: str
) -> AgeCheckResult:
    """Whether a document proves the age; `path` leads to it in the input.

    Raises DomainError: InvalidInput.
    """
    at = ["input", *path]
    if shown.document is AgeCheckDocument.NONE:
        _require_no_answer(shown, at)
        return AgeCheckResult.FAILED
    if shown.birth_date is None:
        old_enough = _one_answer(shown, at)
    else:
        old_enough = _checked_age(shown, today, at) >= minimum_age
    return AgeCheckResult.PASSED if old_enough else AgeCheckResult.FAILED


def _require_no_answer(shown: ShownDocument, at: list[str]) -> None:
    """Refuse what no document can have said: a failed check is final, a slip must not be one."""
    if shown.birth_date is not None or shown.is_old_enough:
        field = "isOldEnough" if shown.birth_date is None else "birthDate"
        message = "Without a document nothing shows the age: say which document it was."
        raise DomainError(InvalidInput(path=[*at, field], message=message))


def _one_answer(shown: ShownDocument, at: list[str]) -> bool:
    if shown.is_old_enough is None:
        message = "Give the date of birth, or say whether the customer is old enough."
        raise DomainError(InvalidInput(path=[*at, "birthDate"], message=message))
    return shown.is_old_enough


def _checked_age(shown: ShownDocument, today: date, at: list[str]) -> int:
    if shown.birth_date is None or shown.is_old_enough is not None:
        message = "Give the date of birth, or say whether the customer is old enough: not both."
        raise DomainError(InvalidInput(path=[*at, "isOldEnough"], message=message))
    age = age_at(shown.birth_date, today)
    if not 0 <= age <= MAX_AGE_YEARS:
        message = "That can't be a date of birth."
        raise DomainError(InvalidInput(path=[*at, "birthDate"], message=message))
    return age
