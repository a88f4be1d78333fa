"""The client operations of docs/operations: validity, readers, statement budgets, and results."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, fields
from types import SimpleNamespace
from typing import Any

import pytest
from graphql import (
    FieldNode,
    OperationDefinitionNode,
    OperationType,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    parse,
    validate,
    visit,
)

from database.base import uuid7
from dataloaders import catalog
from dataloaders.batches import BATCH_OPTIONS, BatchOptions, BatchScope
from models.catalog import Product
from models.companies import Company
from models.identity import Actor, Grant, Role
from models.ids import encode_id
from models.stores import Store
from resolvers.context import Container
from resolvers.rules import Rule, rule_of
from schema.root import graph
from seed.bulk_load import stable_id
from server.commands.states import find_machines
from server.endpoints.explorer import ANYBODY, READERS, SIGNED_IN_USERS
from tests.support.actors import InMemorySms
from tests.support.architecture.machine_states import passing_states
from tests.support.city import City, build_city
from tests.support.operations import daily_work
from tests.support.operations.every_operation import play_every_operation
from tests.support.operations.player import EVERY, Operation, OperationPlayer, create_player
from tests.support.operations.repeat_player import RepeatPlayer, versioned_mutations
from tests.support.paths import ROOT
from tests.support.plugins.left_states import declared_states, watch_left_states
from tests.support.stripe_simulator import open_sandbox

SHAPE = graph._schema
SAMPLE_CODE = "P000001000"  # a litre of milk
README = ROOT / "README.md"


# The walk is played once for all tests of it.
walked = pytest.mark.timeout(900)
DOES_SOMETHING_EACH_TIME = {
    "appCreate": "another app",
    "stockWriteOff": "more units are thrown away",
    "deliveryCheckAge": "each look at a document is recorded",
    "fulfillmentCheckAge": "each look at a document is recorded",
    "listingPriceSchedule": "another price change",
    "orderPlace": "another order",
    "purchaseOrderCreate": "another draft",
    "stockAdjust": "a difference is added",
    "ticketOpen": "another ticket",
    "ticketReply": "another message",
    "transferRequest": "another transfer",
    "webhookEndpointCreate": "another endpoint",
    "webhookReplay": "the events are sent again",
    "webhookEndpointSecretRotate": "another secret",
}

# What leaves no state of its machine, and is refused all the same when it is repeated.
REFUSED_AGAIN = {
    "orderPaymentRefresh": "too soon after the one before",
    "purchaseOrderCreateFromProposals": "the proposals are ordered already",
    "riderLocationReport": "too soon after the point before",
    "stockCountStart": "the products are being counted already",
    "storeCreate": "the code is taken",
    "substitutionPropose": "the line has a substitute already",
    "supplierCreate": "the code is taken",
}


@dataclass(frozen=True)
class Walk:
    """The played operations, and the states that rows left meanwhile."""

    play: RepeatPlayer
    left: set[str]


@pytest.fixture(scope="module")
async def walk(container: Container, sms: InMemorySms, database_url: str) -> AsyncIterator[Walk]:
    """Everything that clients do, each change asked for twice."""
    async with open_sandbox() as desk, watch_left_states(database_url) as left:
        made = await create_player(container, desk, await build_city(container.database))
        parts = {each.name: getattr(made, each.name) for each in fields(OperationPlayer)}
        play = RepeatPlayer(**parts, left_out=DOES_SOMETHING_EACH_TIME)
        await play_every_operation(play, sms)
        yield Walk(play, await left.names())


@pytest.fixture
async def play(container: Container, city: City) -> AsyncIterator[OperationPlayer]:
    async with open_sandbox() as desk:
        yield await create_player(container, desk, city)


def definition(operation: Operation) -> OperationDefinitionNode:
    [node] = parse(operation.document).definitions
    assert isinstance(node, OperationDefinitionNode)
    return node


def root_fields(operation: Operation) -> set[str]:
    """Return the names of an operation's root fields."""
    selections = definition(operation).selection_set.selections
    return {node.name.value for node in selections if isinstance(node, FieldNode)}


@pytest.mark.parametrize("operation", EVERY, ids=lambda operation: operation.name)
def test_an_operation_is_valid_and_states_its_readers_and_cost(operation: Operation) -> None:
    assert validate(SHAPE, parse(operation.document)) == []
    assert 0 <= operation.max_statements <= 40
    variables = definition(operation).variable_definitions or ()
    assert set(operation.sample) <= {node.variable.name.value for node in variables}
    name = definition(operation).name
    assert name is not None
    assert name.value == operation.name.title().replace("_", "")


@pytest.mark.parametrize("operation", EVERY, ids=lambda operation: operation.name)
def test_an_operation_selects_the_types_of_its_errors(operation: Operation) -> None:
    """The types are the contract: 21 mutations selected the message alone."""
    for root in definition(operation).selection_set.selections:
        assert isinstance(root, FieldNode)
        parts = root.selection_set.selections if root.selection_set else ()
        for part in parts:
            if isinstance(part, FieldNode) and part.name.value == "errors":
                assert part.selection_set is not None
                assert "__typename" in {
                    one.name.value
                    for one in part.selection_set.selections
                    if isinstance(one, FieldNode)
                }


@pytest.mark.parametrize("operation", EVERY, ids=lambda operation: operation.name)
def test_an_operation_selects_where_its_errors_are(operation: Operation) -> None:
    """A message names its field, but a form marks it by the path: 34 documents had none."""
    fields = selected_fields(operation)
    if "errors" in {name for _, name, _ in fields}:
        assert {("Problem", "path"), ("Problem", "message")} <= {one[:2] for one in fields}


@pytest.mark.parametrize("operation", EVERY, ids=lambda operation: operation.name)
def test_who_may_run_a_mutation_may_read_what_it_selects(operation: Operation) -> None:
    """The payload of support's change of an order had two errors: clients took it for refused."""
    fields = selected_fields(operation)
    if definition(operation).operation is not OperationType.MUTATION:
        return
    rules = [(f"{parent}.{name}", rule) for parent, name, rule in fields if rule is not None]
    root = next(rule for name, rule in rules if name.startswith("Mutation."))
    for role in root.roles or Role:
        person: Any = SimpleNamespace(actor=Actor(person_id=uuid7(), grants=(Grant(role),)))
        assert [name for name, rule in rules if rule.denial(person) is not None] == [], role


def selected_fields(operation: Operation) -> list[tuple[str, str, Rule | None]]:
    """Each selected field with its type and its rule."""
    found: list[tuple[str, str, Rule | None]] = []
    info = TypeInfo(SHAPE)

    class Fields(Visitor):
        def enter_field(self, node: FieldNode, *_: object) -> None:
            parent, field = info.get_parent_type(), info.get_field_def()
            if parent is not None and field is not None:
                found.append((parent.name, node.name.value, rule_of(field)))

    visit(parse(operation.document), TypeInfoVisitor(info, Fields()))
    return found


def test_every_root_field_has_an_operation() -> None:
    roots = (SHAPE.query_type, SHAPE.mutation_type, SHAPE.subscription_type)
    fields = {name for root in roots if root is not None for name in root.fields}
    assert fields - {name for operation in EVERY for name in root_fields(operation)} == set()


def test_every_role_has_operations() -> None:
    readers = {reader for operation in EVERY for reader in operation.readers}
    assert readers == {ANYBODY, SIGNED_IN_USERS, *READERS.values()}


def test_the_samples_refer_to_the_seeded_city() -> None:
    seeded_ids = {
        encode_id(Company, stable_id("company", "harbour")),
        encode_id(Store, stable_id("store", "harbour", 1)),
        encode_id(Product, stable_id("product", "harbour", SAMPLE_CODE)),
    }
    texts = [str(operation.sample) for operation in EVERY]
    ids = {each for text in texts for each in re.findall(r"\b[a-z]{3}_[\w-]{22}\b", text)}
    assert ids <= seeded_ids


@pytest.mark.parametrize("name", ["storefront", "order_tracked"])
def test_the_readme_shows_the_current_operations(name: str) -> None:
    document = re.sub(r"\A(#.*\n)+", "", Operation(name).document)
    assert f"```graphql\n{document}```" in README.read_text()


@walked
async def test_every_operation_works_for_its_readers_within_its_budget(walk: Walk) -> None:
    play = walk.play
    over_budget = {
        operation.name: (play.used[operation.name], operation.max_statements)
        for operation in EVERY
        if max(play.used[operation.name], default=0) > operation.max_statements
    }
    assert over_budget == {}
    missing = {each.name: set(each.readers) - play.readers[each.name] for each in EVERY}
    assert {name: readers for name, readers in missing.items() if readers} == {}


@walked
async def test_what_is_asked_for_again_changes_nothing(walk: Walk) -> None:
    """A cart, a snoozed alert, a zone that was saved as it is raised the version: the next change
    of somebody else, who had read the same values, was refused as a conflict.
    """
    play = walk.play
    assert DOES_SOMETHING_EACH_TIME.keys() <= versioned_mutations()
    assert play.repeated == versioned_mutations() - DOES_SOMETHING_EACH_TIME.keys()
    assert play.refused == set()
    assert play.changed == {}


@walked
async def test_every_state_was_left_by_an_operation_or_in_a_named_test(walk: Walk) -> None:
    """A state could have a way out in the table that nobody ever goes.

    Rows leave it while the operations are played, or in a test that is marked by `leaves(…)`, in
    which operations or jobs move a row out of it.
    """
    assert sorted(passing_states() - walk.left - declared_states()) == []
    assert declared_states() <= passing_states()


async def test_lists_cost_the_same_for_one_row_and_for_many(
    play: OperationPlayer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Otherwise a cached tree would be read the first time only.
    monkeypatch.setitem(BATCH_OPTIONS, catalog.tree_by_store, BatchOptions(BatchScope.PUBLIC))
    await daily_work.add_one_of_everything(play, 1)
    few = await daily_work.count_list_statements(play)
    for lines in (3, 6):
        await daily_work.add_one_of_everything(play, lines)
    assert await daily_work.count_list_statements(play) == few


@walked
async def test_a_step_that_stays_in_its_state_is_accepted_when_it_is_repeated(walk: Walk) -> None:
    """`orderChange` was repeated while it waited for its payment alone: that is refused.

    So nobody saw that a change which asks for what the order has is applied each time: the picker's
    next step and a second phone were refused for an old version.
    """
    leaving = {
        machine.mutation_of(step.action)
        for machine in find_machines()
        for step in machine.transitions
        if step.targets
    }
    refused = walk.play.repeated - walk.play.accepted - leaving
    assert refused == REFUSED_AGAIN.keys()
