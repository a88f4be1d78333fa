"""Uploads at the same time: the shares of people and companies."""

from contextlib import ExitStack
from uuid import uuid4

import pytest

from models.identity import Actor, Grant, Role
from server.endpoints.http_rejection import HttpRejection
from server.endpoints.upload_slots import PER_COMPANY, PER_PERSON, UploadSlots


def manager(company: object = None) -> Actor:
    grant = Grant(Role.STORE_MANAGER, company or uuid4(), uuid4())  # type: ignore[arg-type] # a UUID
    return Actor(uuid4(), uuid4(), (grant,))


def is_refused(slots: UploadSlots, actor: Actor, status: int) -> bool:
    with pytest.raises(HttpRejection) as refused, slots.taken_by(actor):
        pass
    return refused.value.status == status


def test_slow_uploads_of_one_company_leave_places_for_others() -> None:
    """Eight slow files of one company shut the door for all companies."""
    slots, company = UploadSlots(8), uuid4()
    with ExitStack() as stack:
        people = [manager(company) for _ in range(PER_COMPANY)]
        for person in people:
            stack.enter_context(slots.taken_by(person))
        assert is_refused(slots, manager(company), 429)
        stack.enter_context(slots.taken_by(manager()))
    with ExitStack() as stack:
        for _ in range(PER_COMPANY):
            stack.enter_context(slots.taken_by(manager(company)))


def test_one_person_has_a_share_of_their_company() -> None:
    """One manager's eight slow uploads shut out the rest of the company."""
    slots, person = UploadSlots(8), manager()
    with ExitStack() as stack:
        for _ in range(PER_PERSON):
            stack.enter_context(slots.taken_by(person))
        assert is_refused(slots, person, 429)


def test_when_all_places_are_taken_everybody_is_asked_to_try_again() -> None:
    """A client without a place would wait without an answer."""
    slots = UploadSlots(3)
    with ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(slots.taken_by(manager()))
        assert is_refused(slots, manager(), 503)
    with slots.taken_by(manager()):
        pass


def test_places_are_given_back_however_an_upload_ends() -> None:
    """Generated: any order of begins, ends and failures leaves every share free."""
    slots, people = UploadSlots(4), [manager() for _ in range(3)]
    for number in range(60):
        with pytest.raises(ZeroDivisionError), slots.taken_by(people[number % 3]):
            raise ZeroDivisionError
    assert not slots._taken
