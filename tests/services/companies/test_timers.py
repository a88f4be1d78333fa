"""A company sets how long the steps of its orders may take; the rest follows the defaults."""

from dataclasses import asdict
from typing import Any

import pytest
from sqlalchemy import select

from database.scope import PLATFORM
from models.companies import Company
from models.events import Event
from models.identity import Grant, Role
from models.ids import encode_id
from models.operations import AuditEntry
from models.timers import DEFAULT_TIMERS, TIMER_BOUNDS, timers_with
from resolvers.context import Container
from services.events.event_log import catalog_stream
from tests.support.actors import ActorClient, create_client
from tests.support.city import City
from tests.support.order_steps.order_timers import NAMES, UPDATE, set_timers


def test_every_timer_has_bounds_around_its_default() -> None:
    """A default outside its own bounds could not be set again once it was changed."""
    assert set(TIMER_BOUNDS) == set(NAMES)
    for name, seconds in asdict(DEFAULT_TIMERS).items():
        least, most = TIMER_BOUNDS[name]
        assert 0 < least <= seconds <= most


def test_a_timer_that_does_not_exist_any_more_is_left_out() -> None:
    """A newer or older version of the program reads the same rows."""
    assert timers_with({"offer_seconds": 30, "removed_seconds": 1}).offer_seconds == 30


async def test_an_admin_sets_timers_of_the_company(
    container: Container, company_admin: ActorClient, shared_city: City
) -> None:
    """Only the given ones change; the change is an event of the catalog and an audit row."""
    company_id = shared_city.company.id
    values: dict[str, Any] = {"companyId": encode_id(Company, company_id)}
    try:
        values["timers"] = {"offerSeconds": 30, "acceptSeconds": 90}
        payload = (await company_admin.run(UPDATE, {"input": values}))["companyUpdate"]
        assert payload["errors"] == []
        timers = payload["company"]["timers"]
        assert (timers["offerSeconds"], timers["acceptSeconds"]) == (30, 90)
        assert timers["paymentSeconds"] == DEFAULT_TIMERS.payment_seconds
        async with container.database.read(PLATFORM) as session:
            of_company = Event.stream == catalog_stream(company_id)
            events = select(Event).where(of_company).order_by(Event.seq.desc()).limit(1)
            event = (await session.scalars(events)).one()
            by_admin = AuditEntry.actor_id == company_admin.id
            audit = select(AuditEntry).where(by_admin).order_by(AuditEntry.id.desc()).limit(1)
            entry = (await session.scalars(audit)).one()
        assert (event.type, event.body["offer_seconds"]) == ("COMPANY_UPDATED", 30)
        assert entry.changes[0]["after"]["timer_overrides"]["offer_seconds"] == 30
    finally:
        await set_timers(container.database, shared_city)


@pytest.mark.parametrize("name", NAMES)
async def test_a_timer_outside_its_bounds_is_refused(
    company_admin: ActorClient, shared_city: City, name: str
) -> None:
    """A slip of the hand, such as a year, would let orders wait for ever without an owner."""
    field = "".join(word.title() if index else word for index, word in enumerate(name.split("_")))
    for seconds in (TIMER_BOUNDS[name][0] - 1, TIMER_BOUNDS[name][1] + 1):
        values = {
            "companyId": encode_id(Company, shared_city.company.id),
            "timers": {field: seconds},
        }
        payload = (await company_admin.run(UPDATE, {"input": values}))["companyUpdate"]
        assert payload["company"] is None
        assert ["input", "timers", field] in [error["path"] for error in payload["errors"]]


async def test_a_case_is_not_opened_before_the_rider_is_asked(
    company_admin: ActorClient, shared_city: City
) -> None:
    """Support would be called for riders whom nobody has asked yet."""
    timers = {"riderSilenceSeconds": 600, "riderSilenceCaseSeconds": 300}
    values = {"companyId": encode_id(Company, shared_city.company.id), "timers": timers}
    payload = (await company_admin.run(UPDATE, {"input": values}))["companyUpdate"]
    [error] = payload["errors"]
    assert error["path"] == ["input", "timers", "riderSilenceCaseSeconds"]


async def test_only_admins_of_the_company_set_its_timers(
    container: Container, other_company_admin: ActorClient, shared_city: City
) -> None:
    """A manager of one store would change the waiting times of all stores."""
    manager = await create_client(
        container,
        "Manager",
        Grant(Role.STORE_MANAGER, shared_city.company.id, shared_city.near.id),
    )
    company = encode_id(Company, shared_city.company.id)
    values = {"companyId": company, "timers": {"offerSeconds": 30}}
    payload = (await other_company_admin.run(UPDATE, {"input": values}))["companyUpdate"]
    assert [error["__typename"] for error in payload["errors"]] == ["NotFound"]
    assert await manager.codes(UPDATE, {"input": values}) == {"FORBIDDEN"}
