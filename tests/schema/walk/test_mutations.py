"""Every mutation that names a row, by everybody, with ids of rows of everybody.

Each runs in a transaction that is rolled back. Whoever is no party of a row that the input names
changes nothing in any table, and is told no more than that there is no such row.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from database.audit import AuditContext
from database.scope import Scope
from dataloaders.loaders import Loaders
from execution import Answer
from tests.support.actors import engine
from tests.support.execution.rolled_back_database import RollbackDatabase
from tests.support.minimal_queries import minimal_document
from tests.support.walk.named_rows import (
    MUTATIONS,
    ids_for,
    may_act,
    named_rows,
)
from tests.support.walk.parties import World
from tests.support.walk.share import share

pytestmark = pytest.mark.timeout(900)
PLACES = ("here", "lost", "next_door", "elsewhere", "of_an_agent")
REFUSALS = {"NotFound", "FORBIDDEN", "UNAUTHENTICATED", "InvalidInput", "NOT_FOUND"}
# The walk has no invited person, no failed job, no manager's upload or file, and no such line or
# secret.
UNREACHED = {
    "appSecretRotate", "fileUploadComplete", "invitationAccept", "invitationDecline",
    "jobFailureRetry", "riderGoOnline", "stockCountLineSet", "stockImportStart",
}  # fmt: skip
WRITTEN = text(
    "select relname from pg_stat_xact_user_tables where n_tup_ins + n_tup_upd + n_tup_del > 0"
)


class RecordingDatabase(RollbackDatabase):
    """Rolls back every write, and keeps the names of the tables that it has changed."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.written: set[str] = set()

    @asynccontextmanager
    async def write(self, scope: Scope, origin: AuditContext) -> AsyncIterator[AsyncSession]:
        async with super().write(scope, origin) as session:
            yield session
            await session.flush()
            self.written |= set(await session.scalars(WRITTEN))


@dataclass
class Outcome:
    """What a mutation of one person with the ids of one situation has done."""

    name: str
    who: str
    place: str
    written: frozenset[str]
    foreign: tuple[str, ...]
    problems: frozenset[str]

    @property
    def reaches(self) -> bool:
        """Whether it got as far as to a row of the person's own."""
        return not self.foreign and not self.problems & (REFUSALS - {"InvalidInput"})


@pytest.fixture(scope="module")
async def outcomes(world: World) -> list[Outcome]:
    return [one async for one in try_mutations(world, list(MUTATIONS))]


async def try_mutations(world: World, names: list[str]) -> AsyncIterator[Outcome]:
    """Run mutations as a share of the people, in each situation."""
    container = world.clients["nobody"].container
    recording = RecordingDatabase(container.database.url)
    rolled_back = replace(container, database=recording)
    for name in names:
        declared, is_reached = MUTATIONS[name], False
        for turn, place in enumerate(PLACES):
            id_of = ids_for(name, world.places[place])
            document, variables = minimal_document("mutation", name, declared, id_of)
            prepared = engine().prepare(document)
            assert not isinstance(prepared, Answer), prepared.errors
            named = list(named_rows(world, variables))
            chosen = set(share(name, world.clients, turn))
            for who, client in world.clients.items():
                refused = [row for row in named if not may_act(world, client.actor, row, name)]
                if who not in chosen and (refused or is_reached):
                    continue
                recording.written.clear()
                context = client.context()
                context.container = rolled_back
                context.loaders = Loaders(recording, client.actor.scope())
                answer = await engine().execute(prepared, variables, context)
                one = Outcome(
                    name, who, place, frozenset(recording.written),
                    tuple(sorted(type(row).__name__ for row in refused)), problems(answer),
                )  # fmt: skip
                is_reached |= one.reaches
                yield one
    await recording.close()


def problems(answer: Answer) -> frozenset[str]:
    """The types of the errors in the payload, and the codes of the errors of the request."""
    codes = {one["extensions"]["code"] for one in answer.errors or []}
    for payload in (answer.data or {}).values():
        codes |= {one["__typename"] for one in (payload or {}).get("errors", [])}
    return frozenset(codes)


def test_nobody_changes_anything_through_the_id_of_a_foreign_row(outcomes: list[Outcome]) -> None:
    """Neither the row, nor any other table: no event, no audit row, no count of tries."""
    written = {
        (one.name, one.who, one.place, one.foreign, tuple(sorted(one.written)))
        for one in outcomes
        if one.foreign and one.written
    }
    assert not written, "\n".join(map(str, sorted(written)))


def test_a_foreign_row_is_refused_with_an_error_that_says_nothing_of_it(
    outcomes: list[Outcome],
) -> None:
    """Not found, forbidden by role, or an input that is invalid whatever the row is."""
    told = {
        (one.name, one.who, one.place, one.foreign, tuple(sorted(one.problems)))
        for one in outcomes
        if one.foreign and not (one.problems and one.problems <= REFUSALS)
    }
    assert not told, "\n".join(map(str, sorted(told)))


def test_the_walk_reaches_the_row_of_every_mutation(outcomes: list[Outcome]) -> None:
    """Somebody gets further than to "not found" with own ids; else the walk would prove nothing."""
    reached = {one.name for one in outcomes if one.reaches}
    unreached = sorted(set(MUTATIONS) - reached - UNREACHED)
    assert not unreached, unreached
