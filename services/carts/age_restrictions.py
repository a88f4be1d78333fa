"""Products that are not sold to minors: each way by which units are sold to a person asks here.

Who orders confirms their age, and shows a document when the goods are handed over; who buys at the
counter shows it there. `tests/architecture/test_age_checks.py` lists and plays each of these ways.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from models.catalog import MINIMUM_AGE
from services.core.problems import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class AgeConfirmationRequired(Problem):
    """These products are for customers of `minimum_age`, which is not confirmed or shown."""

    product_ids: list[UUID]
    minimum_age: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TooYoung(Problem):
    """A document was checked, and by it the customer is under `minimum_age`: no other answer helps.

    These products are not sold to them.
    """

    product_ids: list[UUID]
    minimum_age: int


def age_problems(
    restricted: Iterable[UUID], confirmed_age: int | None, *path: str, message: str
) -> list[AgeConfirmationRequired]:
    """The problem of selling restricted products without a confirmed age; none if there are none.

    `confirmed_age` is the age that the customer has confirmed or shown to have at least.
    """
    product_ids = list(restricted)
    if not product_ids or (confirmed_age is not None and confirmed_age >= MINIMUM_AGE):
        return []
    message = f"Some of this is not sold to anybody under {MINIMUM_AGE}: {message}"
    return [
        AgeConfirmationRequired(
            path=list(path), message=message, product_ids=product_ids, minimum_age=MINIMUM_AGE
        )
    ]
