"""The client operations of docs/operations: for whom, what they may cost, and that they work."""

import re
from collections.abc import AsyncIterator

import pytest
from graphql import FieldNode, OperationDefinitionNode, parse, validate

from dataloaders import catalog
from models.catalog import Product
from models.companies import Company
from models.ids import encode
from models.stores import Store
from resolvers.context import House
from schema.root import graph
from seed.rows import key
from tests.support.actors import KeptSms
from tests.support.city import City
from tests.support.operations import (
    daily_work,
    integrations,
    picking_exceptions,
    stock_work,
    store_work,
)
from tests.support.operations.player import EVERY, Operation, Play, staged
from tests.support.operations.purchasing_work import supplying
from tests.support.paths import ROOT
from tests.support.stripe_simulator import opened

SHAPE = graph._schema
READERS = {"Anybody", "Customers", "Store staff", "Riders", "Support", "Admins"}
SAMPLE_CODE = "P000001000"  # a litre of milk
README = ROOT / "README.md"


@pytest.fixture
async def play(house: House, city: City) -> AsyncIterator[Play]:
    async with opened() as desk:
        yield await staged(house, desk, city)


def definition(operation: Operation) -> OperationDefinitionNode:
    [found] = parse(operation.document).definitions
    assert isinstance(found, OperationDefinitionNode)
    return found


def names(operation: Operation) -> set[str]:
    """The root fields of an operation."""
    chosen = definition(operation).selection_set.selections
    return {one.name.value for one in chosen if isinstance(one, FieldNode)}


@pytest.mark.parametrize("operation", EVERY, ids=lambda one: one.name)
def test_an_operation_is_valid_and_says_for_whom_and_at_what_cost(operation: Operation) -> None:
    assert validate(SHAPE, parse(operation.document)) == []
    assert set(operation.readers) <= READERS
    assert 0 <= operation.most <= 40
    wanted = {one.variable.name.value for one in definition(operation).variable_definitions or ()}
    assert set(operation.sample) <= wanted
    called = definition(operation).name
    assert called is not None
    assert called.value == operation.name.title().replace("_", "")


def test_every_root_field_has_an_operation() -> None:
    roots = (SHAPE.query_type, SHAPE.mutation_type, SHAPE.subscription_type)
    fields = {name for root in roots if root is not None for name in root.fields}
    assert fields - {name for one in EVERY for name in names(one)} == set()


def test_every_role_has_operations() -> None:
    assert {reader for one in EVERY for reader in one.readers} == READERS


def test_the_samples_name_things_of_the_seeded_city() -> None:
    known = {
        encode(Company, key("company", "harbour")),
        encode(Store, key("store", "harbour", 1)),
        encode(Product, key("product", "harbour", SAMPLE_CODE)),
    }
    texts = [str(one.sample) for one in EVERY]
    found = {name for text in texts for name in re.findall(r"\b[a-z]{3}_[\w-]{22}\b", text)}
    assert found <= known


@pytest.mark.parametrize("name", ["storefront", "order_tracked"])
def test_the_readme_shows_the_operations_as_they_stand(name: str) -> None:
    document = re.sub(r"\A(#.*\n)+", "", Operation(name).document)
    assert f"```graphql\n{document}```" in README.read_text()


async def test_every_operation_works_for_its_people_within_its_budget(
    play: Play, sms: KeptSms
) -> None:
    await daily_work.signing_in(play, sms)
    await daily_work.shopping(play)
    order = await daily_work.delivering(play)
    await daily_work.complaining(play, order)
    await daily_work.going_wrong(play)
    await picking_exceptions.making_up(play)
    await picking_exceptions.weighing(play)
    await daily_work.coming_back(play)
    await daily_work.keeping_store(play)
    await stock_work.moving_goods(play)
    await stock_work.counting_shelves(play)
    await stock_work.importing_a_file(play)
    await store_work.minding_batches(play)
    await supplying(play)
    await store_work.looking_at_the_queues(play)
    await integrations.minding_apps(play)
    await integrations.minding_webhooks(play)
    await integrations.minding_jobs(play)
    await daily_work.founding(play)
    dear = {
        one.name: (play.used[one.name], one.most)
        for one in EVERY
        if max(play.used[one.name], default=0) > one.most
    }
    assert dear == {}
    unseen = {one.name: set(one.readers) - play.readers[one.name] for one in EVERY}
    assert {name: left for name, left in unseen.items() if left} == {}


async def test_lists_cost_the_same_for_one_row_and_for_many(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What lasts for a while would be read the first time only.
    monkeypatch.setattr(catalog.tree_by_store, "lasts_seconds", 0.0)
    await daily_work.a_busy_hour(play, 1)
    few = await daily_work.looking_around(play)
    for lines in (3, 6):
        await daily_work.a_busy_hour(play, lines)
    assert await daily_work.looking_around(play) == few
