"""The state machine: what it refuses, how it locks, and where a row may move."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from enum import auto
from typing import Any

import pytest
from asyncpg.exceptions import LockNotAvailableError
from sqlalchemy import text

from database.base import NamedEnum, uuid7
from database.sessions import Database
from models.counting import StockCount, StockCountAction
from models.identity import Actor
from services.core.problems import (
    DomainError,
    InvalidTransition,
    NotFound,
    Problem,
    VersionConflict,
)
from services.core.state_machine import AutomaticTransition, StateMachine, Transition
from services.counting import count_states
from tests.support.city import City
from tests.support.counting import CountingTeam, counting_team
from tests.support.paid_orders import write_as

OWNER, GUEST, STRANGER = (Actor(person_id=uuid7()) for _ in range(3))


class DoorStatus(NamedEnum):
    """Status of the row of these tests."""

    OPEN = auto()
    SHUT = auto()
    LOCKED = auto()


class DoorAction(NamedEnum):
    """An action on the row of these tests."""

    SHUT = auto()
    PAINT = auto()
    LOCK = auto()


@dataclass
class Door:
    """A row that is not in the database."""

    status: DoorStatus = DoorStatus.OPEN
    version: int = 1
    has_key: bool = True


def has_key(row: Door) -> bool:
    return row.has_key


def is_visible(row: Door, actor: Actor) -> bool:
    return actor is not STRANGER


def permits(row: Door, actor: Actor, transition: Transition[DoorAction, DoorStatus]) -> bool:
    return transition.party == "" or actor is OWNER


MACHINE: StateMachine[Door, DoorAction, DoorStatus] = StateMachine(
    name="Door",
    model=StockCount,
    status=DoorStatus,
    noun="door",
    id_path="doorId",
    initial={DoorStatus.OPEN},
    transitions=(
        Transition(DoorAction.SHUT, {DoorStatus.OPEN}, {DoorStatus.SHUT}),
        Transition(DoorAction.PAINT, {DoorStatus.OPEN, DoorStatus.SHUT}),
        Transition(
            DoorAction.LOCK,
            {DoorStatus.SHUT},
            {DoorStatus.LOCKED},
            party="the owner",
            condition=has_key,
        ),
    ),
    automatic=(AutomaticTransition("the wind", {DoorStatus.SHUT}, {DoorStatus.OPEN}),),
    is_visible=is_visible,
    permits=permits,
)


@pytest.fixture
async def team(database: Database, city: City) -> AsyncIterator[CountingTeam]:
    async with counting_team(database, city) as members:
        yield members


def refusal(row: Door, actor: Actor, action: DoorAction, *more: Any, **named: Any) -> Problem:
    """The problem with which the action is refused."""
    with pytest.raises(DomainError) as caught:
        MACHINE.check(row, actor, action, *more, **named)
    (problem,) = caught.value.problems
    return problem


def test_available_actions_depend_on_state_actor_condition_and_other_rows() -> None:
    door = Door(DoorStatus.SHUT)
    assert MACHINE.available_actions(Door(), OWNER) == [DoorAction.SHUT, DoorAction.PAINT]
    assert MACHINE.available_actions(door, OWNER) == [DoorAction.PAINT, DoorAction.LOCK]
    assert MACHINE.available_actions(door, GUEST) == [DoorAction.PAINT]
    assert MACHINE.available_actions(door, OWNER, {DoorAction.PAINT}) == [DoorAction.LOCK]
    door.has_key = False
    assert MACHINE.available_actions(door, OWNER) == [DoorAction.PAINT]
    assert MACHINE.takes_part(door, OWNER, DoorAction.LOCK)
    assert not MACHINE.takes_part(door, GUEST, DoorAction.LOCK)


def test_an_action_that_is_not_available_is_refused_with_those_that_are() -> None:
    assert refusal(Door(), OWNER, DoorAction.LOCK) == InvalidTransition(
        path=["input", "doorId"],
        message='"Lock" is not possible: the door is open.',
        current_status="OPEN",
        allowed_actions=["SHUT", "PAINT"],
    )
    blocked = refusal(Door(), OWNER, DoorAction.PAINT, blocked={DoorAction.PAINT})
    assert isinstance(blocked, InvalidTransition)
    assert blocked.allowed_actions == ["SHUT"]


def test_another_version_is_refused_after_the_state_was_checked() -> None:
    door = Door(version=3)
    assert refusal(door, OWNER, DoorAction.SHUT, 2) == VersionConflict(
        path=["input", "expectedVersion"],
        message="The door was changed meanwhile: it is open now.",
        current_version=3,
    )
    assert isinstance(refusal(door, OWNER, DoorAction.LOCK, 2), InvalidTransition)
    MACHINE.check(door, OWNER, DoorAction.SHUT, 3)
    MACHINE.check(door, OWNER, DoorAction.SHUT)


def test_strangers_find_nothing() -> None:
    problem = refusal(Door(), STRANGER, DoorAction.SHUT, 2)
    assert isinstance(problem, NotFound)
    assert problem.path == ["input", "doorId"]


def test_a_row_moves_where_a_transition_leads_and_its_version_grows() -> None:
    door = Door()
    MACHINE.move(door, DoorStatus.SHUT)
    assert (door.status, door.version) == (DoorStatus.SHUT, 2)
    MACHINE.set_status(door, DoorStatus.OPEN)
    assert (door.status, door.version) == (DoorStatus.OPEN, 2)


def test_a_move_to_an_unreachable_state_is_a_defect() -> None:
    door = Door()
    for status in (DoorStatus.LOCKED, DoorStatus.OPEN):
        with pytest.raises(ValueError, match=f"Door: no transition leads from OPEN to {status}"):
            MACHINE.move(door, status)
    assert (door.status, door.version) == (DoorStatus.OPEN, 1)
    assert MACHINE.reachable(DoorStatus.LOCKED) == frozenset()


async def test_a_missing_row_and_one_of_others_are_not_found(team: CountingTeam) -> None:
    row = await team.start(0)
    async with write_as(team.database, team.manager, team.city.company.id) as session:
        for actor, key in ((team.manager, uuid7()), (GUEST, row.id)):
            with pytest.raises(DomainError) as caught:
                await count_states.MACHINE.begin(session, actor, key, StockCountAction.COUNT)
            assert isinstance(caught.value.problems[0], NotFound)


async def test_an_action_with_a_shared_lock_excludes_others_but_not_itself(
    team: CountingTeam,
) -> None:
    row = await team.start(0)
    begin, company_id = count_states.MACHINE.begin, team.city.company.id
    async with (
        write_as(team.database, team.first_counter, company_id) as first,
        write_as(team.database, team.second_counter, company_id) as second,
    ):
        await begin(first, team.first_counter, row.id, StockCountAction.COUNT)
        await second.execute(text("set local lock_timeout = '200ms'"))
        await begin(second, team.second_counter, row.id, StockCountAction.COUNT)
    async with write_as(team.database, team.first_counter, company_id) as first:
        await begin(first, team.first_counter, row.id, StockCountAction.COUNT)
        async with write_as(team.database, team.second_counter, company_id) as second:
            await second.execute(text("set local lock_timeout = '200ms'"))
            with pytest.raises(LockNotAvailableError):
                await begin(second, team.second_counter, row.id, StockCountAction.SUBMIT)
            await second.rollback()
