"""What goes wrong is shown: whoever runs the store finds a case of each kind, with a way out."""

from dataclasses import replace

import pytest

from models.identity import Grant, Role
from models.ids import encode_id
from models.stores import Store
from resolvers.context import Container
from seed import examples
from seed.bulk_load import stable_id
from tests.seed.conftest import SeededDatabase
from tests.support.actors import ActorClient, create_client

COMPANY, STORE = stable_id("company", "harbour"), stable_id("store", "harbour", 1)
SUPPORT = """
{
  supportQueue(first: 20) { nodes { category status subject } }
  stuckPayments(first: 5) { nodes { status availableActions } }
  disputes(first: 5) { nodes { status } }
}
"""
STORE_WORK = """
query ($store: ID!) {
  storePutBacks(storeId: $store, first: 5) { nodes { putBackLines { quantity } availableActions } }
  invitations(storeId: $store, first: 5) { nodes { status availableActions } }
}
"""
OWN_ORDERS = "{ viewer { customer { orders(first: 5) { nodes { stage changes { status } } } } } }"


@pytest.fixture
def own_container(seeded: SeededDatabase, container: Container) -> Container:
    return replace(container, database=seeded.database)


async def sign_in(container: Container, email: str, *grants: Grant) -> ActorClient:
    return await create_client(container, "", *grants, person_id=stable_id("person", email))


async def test_support_sees_cases_of_several_kinds(own_container: Container) -> None:
    """Complaints that wait and that are answered, a dispute, and a payment that can be resumed."""
    agent = await sign_in(own_container, "support1@darkstore.example", Grant(Role.SUPPORT_AGENT))
    shown = await agent.run(SUPPORT)
    kinds = {one["category"]: one["status"] for one in shown["supportQueue"]["nodes"]}
    assert kinds.keys() == {"ITEM_MISSING", "ITEM_DAMAGED", "DISPUTE", "PAYMENT"}
    assert len(set(kinds.values())) > 1
    [stuck] = shown["stuckPayments"]["nodes"]
    assert "RESUME" in stuck["availableActions"]
    assert shown["disputes"]["nodes"] == [{"status": "NEEDS_RESPONSE"}]


async def test_a_manager_sees_bags_to_put_back_and_invitations(own_container: Container) -> None:
    grant = Grant(Role.STORE_MANAGER, COMPANY, STORE)
    manager = await sign_in(own_container, "manager1@harbour.example", grant)
    shown = await manager.run(STORE_WORK, {"store": encode_id(Store, STORE)})
    [task] = shown["storePutBacks"]["nodes"]
    assert "PUT_BACK" in task["availableActions"]
    assert [one["quantity"] for one in task["putBackLines"]] == [examples.UNITS] * examples.LINES
    statuses = [one["status"] for one in shown["invitations"]["nodes"]]
    assert sorted(statuses) == ["ACCEPTED", "PENDING", "PENDING"]


async def test_a_customer_sees_a_change_of_a_collected_order(own_container: Container) -> None:
    email = "customer196@mail.example"
    customer = await sign_in(own_container, email, Grant(Role.CUSTOMER))
    [order] = (await customer.run(OWN_ORDERS))["viewer"]["customer"]["orders"]["nodes"]
    assert order == {"stage": "DELIVERED", "changes": [{"status": "APPLIED"}]}


async def test_a_store_that_takes_no_orders_does_not_stop_the_seed(
    seeded: SeededDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An operator has paused the store: the next `make run` goes on without the examples."""
    unused = "customer190@mail.example"
    monkeypatch.setattr(examples, "EXAMPLES", {unused: next(iter(examples.EXAMPLES.values()))})
    monkeypatch.setattr(examples, "STORE", 2)  # it offers no pickup
    assert await examples.make_examples(seeded.url) == 0
