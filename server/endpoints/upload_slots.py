"""Shares the places for uploads and downloads: no person and no company can take them all."""

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from uuid import UUID

from models.identity import Actor
from server.endpoints.http_rejection import HttpRejection

PER_PERSON = 2
PER_COMPANY = 4
RETRY_SECONDS = 5
"""When to ask again: a file of usual size has arrived by then."""


class UploadSlots:
    """The places of one process for files that are sent at the same time."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._taken: Counter[str] = Counter()

    @contextmanager
    def taken_by(self, actor: Actor) -> Iterator[None]:
        """Take a place for the block; raises HttpRejection when there is none.

        429 when the person or a company of theirs has its share, 503 when all places are taken.
        """
        with self.taken_for(actor.person_id, actor.company_ids):
            yield

    @contextmanager
    def taken_for(self, person_id: UUID | None, company_ids: Iterable[UUID]) -> Iterator[None]:
        """Take a place as `taken_by`, for a person and companies that a signed address names."""
        shares = [(f"person:{person_id}", PER_PERSON)]
        shares += [(f"company:{company}", PER_COMPANY) for company in company_ids]
        if any(self._taken[key] >= share for key, share in shares):
            message = "Your other files are still being sent: wait until one has arrived."
            raise HttpRejection(429, "RATE_LIMITED", message, retryAfterSeconds=RETRY_SECONDS)
        if self._taken["all"] >= self._total:
            message = "Too many files are sent at once: try again."
            raise HttpRejection(503, "UNAVAILABLE", message)
        keys = ["all", *(key for key, _ in shares)]
        self._taken.update(keys)
        try:
            yield
        finally:
            self._taken.subtract(keys)
            self._taken += Counter()  # drops what is 0
