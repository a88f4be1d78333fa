"""State machines: complete tables, and one place that refuses a step."""

import ast
from pathlib import Path
from typing import Any

import pytest

from database.base import NamedEnum
from server.commands.states import find_machines
from services.core.state_machine import StateMachine
from tests.support.architecture.machine_states import is_final
from tests.support.architecture.source_trees import syntax_tree
from tests.support.paths import ROOT

MECHANISM = ROOT / "services" / "core" / "state_machine.py"
PACKAGES = ("services", "workflows", "jobs", "resolvers")
MODULES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
REFUSALS = ["InvalidTransition", "VersionConflict"]
MACHINES = find_machines()
AnyMachine = StateMachine[Any, Any, Any]
each_machine = pytest.mark.parametrize("machine", MACHINES, ids=[one.name for one in MACHINES])


def statuses(machine: AnyMachine) -> frozenset[NamedEnum]:
    """All states of a machine."""
    return frozenset(machine.status.__members__.values())


def constructions(path: Path) -> list[str]:
    """The refusals that a module constructs."""
    return [
        node.func.id
        for node in ast.walk(syntax_tree(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        if node.func.id in REFUSALS
    ]


def status_assignments(path: Path) -> list[int]:
    """The lines of a module that assign the attribute `status` of an object."""
    return [
        node.lineno
        for node in ast.walk(syntax_tree(path))
        if isinstance(node, ast.Attribute) and node.attr == "status"
        if isinstance(node.ctx, ast.Store)
    ]


def test_refusals_are_constructed_by_the_mechanism_only() -> None:
    names = {path: constructions(path) for path in MODULES}
    assert {path: found for path, found in names.items() if found} == {MECHANISM: REFUSALS}


def test_a_status_is_assigned_by_the_mechanism_only() -> None:
    assert [path for path in MODULES if status_assignments(path)] == [MECHANISM]


@each_machine
def test_transitions_name_only_states_of_their_enum(machine: AnyMachine) -> None:
    states = statuses(machine)
    assert machine.initial
    assert machine.initial <= states
    named = [(step.sources, step.targets) for step in machine.transitions]
    named += [(change.sources, change.targets) for change in machine.automatic]
    for sources, targets in named:
        assert sources
        assert sources | targets <= states


@each_machine
def test_every_state_is_reachable_from_the_initial_ones(machine: AnyMachine) -> None:
    reached: set[NamedEnum] = set()
    pending = set(machine.initial)
    while pending:
        status = pending.pop()
        reached.add(status)
        pending |= machine.reachable(status) - reached
    assert reached == statuses(machine)


@each_machine
def test_every_state_that_is_not_final_has_a_way_out(machine: AnyMachine) -> None:
    dead_ends = {
        f"{machine.name}.{status}"
        for status in statuses(machine)
        if machine.reachable(status) <= {status} and not is_final(machine, status)
    }
    assert not dead_ends


@each_machine
def test_every_action_of_the_enum_is_in_the_table(machine: AnyMachine) -> None:
    actions = [step.action for step in machine.transitions]
    assert set(actions) == {one for action in actions for one in type(action)}
