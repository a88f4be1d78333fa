"""Enums are open to new values, and a status without a way out says that it is final."""

import re

import pytest
from graphql import GraphQLEnumType

from resolvers.enums import graph_name
from schema.root import graph
from server.commands.states import AnyMachine, find_machines

ENUMS = [
    kind
    for name, kind in graph._schema.type_map.items()
    if isinstance(kind, GraphQLEnumType) and not name.startswith("__")
]
# Support may reopen what is final otherwise; a failed refund may follow a complete one.
REVERSIBLE = re.compile(r"\bFinal, unless\b|\bThis changes only if\b")


@pytest.mark.parametrize("enum", ENUMS, ids=lambda enum: enum.name)
def test_an_enum_says_that_values_may_be_added(enum: GraphQLEnumType) -> None:
    """A client without a default case breaks with the next value."""
    description = enum.description or ""
    assert description.endswith(" New values may be added.")
    assert description.count("New values may be added") == 1


@pytest.mark.parametrize("machine", find_machines(), ids=lambda machine: machine.name)
def test_a_status_without_a_way_out_is_called_final(machine: AnyMachine) -> None:
    """Final means that the status never changes again, and only then is it said."""
    kind = graph._schema.type_map.get(graph_name(machine.status))
    if not isinstance(kind, GraphQLEnumType):
        return
    steps = [(one.sources, one.targets) for one in machine.transitions]
    steps += [(one.sources, one.targets) for one in machine.automatic]
    left = {source for sources, targets in steps for source in sources if targets - {source}}
    wrong = []
    for status in machine.status:
        text = kind.values[status.name].description or ""
        final = bool(re.search(r"\bFinal\.", text))
        if final == (status in left) and not REVERSIBLE.search(text):
            wrong.append(f"{kind.name}.{status.name}: {text}")
    assert not wrong
