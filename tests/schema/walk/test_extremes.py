"""Extremes for every argument, input field and cursor: INTERNAL is never an answer to input.

They are sent where the operation works with its ordinary input, so that nothing else refuses first.
"""

from dataclasses import replace

import pytest
from graphql import GraphQLInputObjectType, get_named_type

from attack.extremes.inputs import SHAPE
from resolvers.context import Container
from tests.support.actors import InMemorySms
from tests.support.city import City
from tests.support.customers import NO_LIMITS
from tests.support.extremes.player import ExtremesPlayer
from tests.support.operations.every_operation import play_every_operation
from tests.support.operations.player import create_player
from tests.support.stripe_simulator import open_sandbox

pytestmark = pytest.mark.timeout(900)


def every_input() -> set[str]:
    """The leaves among the arguments of all root fields, and of their input types."""
    names: set[str] = set()
    for root in (SHAPE.query_type, SHAPE.mutation_type, SHAPE.subscription_type):
        assert root is not None
        for field, declared in root.fields.items():
            for argument, shape in declared.args.items():
                _collect(names, shape.type, f"{root.name}.{field}({argument}:)")
    return names


def _collect(names: set[str], kind: object, name: str) -> None:
    named = get_named_type(kind)  # type: ignore[call-overload] # any input type
    if not isinstance(named, GraphQLInputObjectType):
        names.add(name)
        return
    for field, declared in named.fields.items():
        if f"{named.name}.{field}" not in names:
            _collect(names, declared.type, f"{named.name}.{field}")


async def test_no_extreme_of_any_input_is_answered_as_our_own_fault(
    container: Container, city: City, sms: InMemorySms
) -> None:
    """NUL in `jobFailures(job:)`, cursors with numbers wider than their column: INTERNAL before."""
    async with open_sandbox() as desk:
        plain = await create_player(replace(container, unpaid_limits=NO_LIMITS), desk, city)
        play = ExtremesPlayer(plain.container, plain.desk, plain.city, plain.clients)
        await play_every_operation(play, sms)
    assert not play.faults, "\n".join(f"{key}: {what}" for key, what in play.faults.items())
    assert every_input() - play.tried == set()
