"""The walk is tried on the rules themselves: where the place of one lets everybody in, it says so.

Each place named by a rule is opened in turn, and the documents are executed until somebody is shown
what the rule keeps from them; row-level security below the place is opened with it.
"""

from collections.abc import Callable, Iterator
from types import FunctionType
from typing import Any

import httpx
import pytest

from database.base import Base
from execution import Answer
from models.delivery import Delivery, DeliveryTrack
from tests.schema.walk.test_apps import answers
from tests.schema.walk.test_downloads import client, fetch_all
from tests.schema.walk.test_streams import follow
from tests.support.walk.graph_walk import walking_engine
from tests.support.walk.marks import violations
from tests.support.walk.parties import World
from tests.support.walk.places import find
from tests.support.walk.row_documents import TYPE_NAMES, documents_of
from tests.support.walk.rules import OPERATES, RULES
from tests.support.walk.share import IS_FULL, PART
from tests.support.walk.walk_rule import SCOPE, WalkRule

__all__ = ["client"]

pytestmark = pytest.mark.timeout(900)
MAX_DOCUMENTS = 60


def everybody(*args: object, **named: object) -> bool:
    return True


def whole_platform(self: Any) -> Any:
    return Scope(platform=True)  # type: ignore[name-defined] # noqa: F821 - a name of the place


def pin(parent: Any, info: Any) -> Any:
    return parent.delivery_pin


def code_of_return(parent: Any, info: Any) -> Any:
    return parent.return_code


async def any_order(context: Any, key: Any) -> Any:
    async with context.read() as session:
        return await session.get(Order, key)  # type: ignore[name-defined] # noqa: F821 - the same


async def any_fulfillment(session: Any, *, actor: Any, fulfillment_id: Any) -> Any:
    return await session.get(Fulfillment, fulfillment_id)  # type: ignore[name-defined] # noqa: F821 - the same


def all_companies(context: Any) -> Any:
    return [None]


def rider_id(self: Any) -> Any:
    return self.id


def all_roles(actor: Any, scope: Any) -> Any:
    return frozenset(Role)  # type: ignore[name-defined] # noqa: F821 - a name of the place


async def any_row(session: Any, actor: Any, row: Any) -> Any:
    return row


def no_denial(*args: object, **named: object) -> None:
    return None


ONLINE = "services.delivery.rider_access.is_current_position"
OPEN: dict[str, Callable[..., Any]] = {
    "models.riders.Rider.online_id": rider_id,
    SCOPE: whole_platform,
    "subscriptions.orders._order": any_order,
    "subscriptions.support._companies": all_companies,
    "services.fulfillment.fulfillments.visible_fulfillment": any_fulfillment,
    "services.accounts.memberships.grantable_roles": all_roles,
    "services.operations.nodes._offer": any_row,
    "resolvers.scopes.scope_denial": no_denial,
    "resolvers.orders.orders.delivery_pin": pin,
    "resolvers.delivery.deliveries.return_code": code_of_return,
}
# A track has no id: it is a field of its delivery.
SHOWN_BY: dict[type[Base], type[Base]] = {DeliveryTrack: Delivery}
# Values of rows that their readers may know of: here row-level security is no second check.
ABOVE_ROWS = frozenset(rule.name for rule in RULES if rule.values) - {
    "contacts of people",
    "tracks",
}


def open_place(monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    """Let everybody in: the code is replaced, so that whoever imported the function has it too."""
    found = find(place)
    function = found.fget if isinstance(found, property) else found
    assert isinstance(function, FunctionType)
    monkeypatch.setattr(function, "__code__", OPEN.get(place, everybody).__code__)


def relevant_first(world: World, rule: WalkRule) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """The documents of the walk, those of the rule's own models first."""
    kinds = {TYPE_NAMES.get(SHOWN_BY.get(model, model)) for model in (*rule.rows, *rule.values)}
    documents = list(documents_of(world))
    first = [one for one in documents if one[0].removeprefix("node ") in kinds]
    yield from first
    nodes = [one for one in documents if one[0].startswith("node ") and one not in first]
    yield from nodes[:MAX_DOCUMENTS]
    yield from [one for one in documents if not one[0].startswith("node ")][:MAX_DOCUMENTS]


# A second check, which comes first on some way: it saves a read.
TOGETHER = {
    ONLINE: ("models.riders.Rider.online_id",),
    "services.accounts.people.may_contact": ("services.delivery.rider_access.can_see_contact",),
}
# Nothing is opened for these: their rows are read by the caller's own key alone.
OF_ONESELF = {"addresses and sessions", "names of people", "uploads"}
OPENED = [rule for rule in RULES if rule.name not in OF_ONESELF][:: 1 if IS_FULL else PART]


@pytest.mark.parametrize("rule", OPENED, ids=lambda rule: rule.name)
async def test_the_walk_sees_that_the_place_of_a_rule_lets_everybody_in(
    rule: WalkRule, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    below = () if rule.name in ABOVE_ROWS else (SCOPE,)
    for place in {rule.place, *below, *TOGETHER.get(rule.place, ())}:
        open_place(monkeypatch, place)
    assert await is_broken(world, rule)


async def is_broken(world: World, rule: WalkRule) -> bool:
    engine = walking_engine()
    for _, document, variables in relevant_first(world, rule):
        prepared = engine.prepare(document)
        assert not isinstance(prepared, Answer), prepared.errors
        for person in world.clients.values():
            answer = await engine.execute(prepared, variables, person.context())
            if any(name == rule.name for name, _ in violations(world, person.actor, answer.data)):
                return True
    return False


# By entry point: what is tried, and the places that are opened besides row-level security.
STREAMS = {
    "orderTracked": "subscriptions.orders._order",
    "ticketChanged": "services.orders.ticket_states.may_see",
    "storeQueueChanged": OPERATES,
    "stockAlertChanged": OPERATES,
    "stockImportChanged": "services.imports.stock_imports.may_see",
    "supportQueueChanged": "subscriptions.support._companies",
}
ROUTES = {
    "/documents/packing-slips/{id}.pdf": "services.fulfillment.fulfillments.visible_fulfillment",
    "/documents/manifests/{id}.pdf": OPERATES,
    "/documents/receipts/{id}.pdf": OPERATES,
    "/imports/{id}/errors.csv": "services.imports.stock_imports.may_see",
}


@pytest.mark.parametrize("name", STREAMS)
async def test_the_walk_of_streams_sees_an_open_entry_point(
    name: str, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in (SCOPE, STREAMS[name]):
        open_place(monkeypatch, place)
    everyone = dict.fromkeys(("here", "elsewhere"), world.clients)
    shown, _ = await follow(world, name, everyone)
    assert shown


@pytest.mark.parametrize("path", ROUTES)
async def test_the_walk_of_downloads_sees_an_open_entry_point(
    path: str, world: World, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in (SCOPE, ROUTES[path]):
        open_place(monkeypatch, place)
    assert [one async for one in fetch_all(path, world, client) if one.status not in one.expected]


async def test_the_walk_of_apps_sees_scopes_that_are_not_checked(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_place(monkeypatch, "resolvers.scopes.scope_denial")
    async for _, _, actor, text in answers(world, part=17):
        if violations(world, actor, text):
            return
    pytest.fail("no app was shown anything more")
