"""Every state that is not final ends by a job, or by a person who exists and is offered the step.

The tables name the job of each automatic transition and the mutation of each action; here they are
compared with `jobs.schedule`, with the schema and with the roles that can be granted.
"""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from graphql import GraphQLEnumType, GraphQLField, GraphQLObjectType, get_named_type

from database.base import NamedEnum, uuid7
from jobs.schedule import JOBS
from models.identity import Actor, Grant, Role
from resolvers.rules import rule_of
from schema.root import graph
from server.commands.states import find_machines
from services.accounts.memberships import GRANTABLE_BY_ROLE
from services.core.state_machine import AutomaticTransition, StateMachine, Transition
from tests.support.architecture.machine_states import ENDS, is_final

AnyMachine = StateMachine[Any, Any, Any]
MACHINES = find_machines()
JOB_NAMES = {job.name for job in JOBS}
SCHEMA = graph._schema
MUTATIONS: dict[str, GraphQLField] = SCHEMA.mutation_type.fields if SCHEMA.mutation_type else {}
ROLES_THAT_EXIST = frozenset({Role.SUPER_ADMIN}).union(*GRANTABLE_BY_ROLE.values())
"""The roles that somebody can be given; a command makes the first super admin."""
KEY, STRANGER = uuid7(), uuid7()
SCOPES: tuple[tuple[UUID, ...], ...] = ((), (KEY,), (KEY, KEY))
each_machine = pytest.mark.parametrize("machine", MACHINES, ids=[one.name for one in MACHINES])


class AnyRow:
    """A row that belongs to everybody: its company, store, customer and rider are all KEY."""

    internal = False
    role = Role.STORE_STAFF
    former_carriers: tuple[str, ...] = ()
    age_failed_by: tuple[str, ...] = ()

    def __getattr__(self, name: str) -> Any:
        return KEY


def somebody_may(machine: AnyMachine, step: Transition[Any, Any]) -> bool:
    """Whether a role that can be granted may take the step, and call its mutation."""
    rule = rule_of(MUTATIONS[machine.mutation_of(step.action)])
    grants = [Grant(role, *scope) for role in ROLES_THAT_EXIST for scope in SCOPES]
    actors = [Actor(person, KEY, (grant,)) for person in (KEY, STRANGER) for grant in grants]
    return rule is not None and any(
        rule.allows(actor) and machine.permits(AnyRow(), actor, step) for actor in actors
    )


def has_mutation(change: AutomaticTransition[Any]) -> bool:
    return change.mutation in MUTATIONS


def ways_out(machine: AnyMachine, status: NamedEnum) -> Iterator[str]:
    """The jobs and mutations that move a row out of a state."""
    for change in machine.automatic:
        if status in change.sources and change.targets - {status}:
            if change.job in JOB_NAMES:
                yield change.job
            if has_mutation(change):
                yield change.mutation
    for step in machine.transitions:
        leaves = status in step.sources and step.targets - {status}
        if leaves and somebody_may(machine, step):
            yield machine.mutation_of(step.action)


@each_machine
def test_every_state_that_is_not_final_has_a_timer_or_an_owner(machine: AnyMachine) -> None:
    """An order whose authorization is lost, a ride after pick-up: nobody could move them."""
    stuck = {
        f"{machine.name}.{status}"
        for status in machine.status
        if not is_final(machine, status) and not [*ways_out(machine, status)]
    }
    known = {key for key in ENDS if key.startswith(f"{machine.name}.")}
    assert stuck == known


@each_machine
def test_every_automatic_transition_names_what_makes_it(machine: AnyMachine) -> None:
    """A job of the schedule, a mutation of the graph, or another machine that it follows."""
    names = {one.name.lower() for one in MACHINES} | {"substitutes", "offer", "system"}
    for change in machine.automatic:
        assert not change.job or change.job in JOB_NAMES, change.cause
        assert not change.mutation or has_mutation(change), change.cause
        kinds = {part.partition(":")[0].strip() for part in change.cause.split(";")}
        assert change.job or change.mutation or kinds <= names, change.cause
        assert change.job or not kinds & {"job", "worker"}, change.cause


@each_machine
def test_every_action_has_a_mutation_that_somebody_may_call(machine: AnyMachine) -> None:
    for step in machine.transitions:
        mutation = machine.mutation_of(step.action)
        assert mutation in MUTATIONS, f"{machine.name}.{step.action}: no mutation {mutation}"
        assert somebody_may(machine, step), f"{machine.name}.{step.action}: nobody may"


@each_machine
def test_the_graph_offers_every_action(machine: AnyMachine) -> None:
    """A type of the graph lists the machine's actions as `availableActions`."""
    actions = {str(step.action) for step in machine.transitions}
    if not actions:
        return
    offered = [set(enum.values) for enum in _offered_enums()]
    assert actions in offered


def _offered_enums() -> Iterator[GraphQLEnumType]:
    for kind in SCHEMA.type_map.values():
        if isinstance(kind, GraphQLObjectType) and "availableActions" in kind.fields:
            named = get_named_type(kind.fields["availableActions"].type)
            assert isinstance(named, GraphQLEnumType)
            yield named
