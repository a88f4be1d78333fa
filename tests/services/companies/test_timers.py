"""A company sets how long the steps of its orders may take; the rest follows the defaults."""

from dataclasses import asdict, fields
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from database.base import uuid7
from database.scope import PLATFORM
from database.sessions import Database
from models.accounts import Person
from models.companies import Company
from models.delivery import DeliveryStatus, FailReason
from models.events import Event
from models.identity import Actor, Grant, Role
from models.ids import encode_id
from models.operations import AuditEntry
from models.timers import DEFAULT_TIMERS, TIMER_BOUNDS, CompanyTimers, timers_with
from resolvers.context import Container
from services.core.clock import current_time
from services.delivery import failed_attempts, silent_riders
from services.events.event_log import catalog_stream
from tests.support import riders
from tests.support.actors import ActorClient, create_client
from tests.support.carried_bags import NOBODY_HOME, carried_bags
from tests.support.city import City
from tests.support.customers import ORIGIN, order_request
from tests.support.paid_orders import OrderDependencies, fulfillments_of, place_paid_order
from tests.support.payments import Shop

NAMES = [field.name for field in fields(CompanyTimers)]
FIELDS = (
    "paymentSeconds acceptSeconds resumeSeconds offerSeconds riderSilenceSeconds"
    " riderSilenceCaseSeconds noShowWaitSeconds"
)
UPDATE = f"""mutation ($input: CompanyUpdateInput!) {{ companyUpdate(input: $input) {{
  company {{ timers {{ {FIELDS} }} cancellationFee {{ minor }} }}
  errors {{ __typename ... on Problem {{ path message }} }} }} }}"""


async def set_timers(database: Database, city: City, **seconds: int) -> None:
    async with database.write(PLATFORM, ORIGIN) as session:
        of_city = update(Company).where(Company.id == city.company.id)
        await session.execute(of_city.values(timer_overrides=seconds))


async def clock(database: Database) -> datetime:
    async with database.read(PLATFORM) as session:
        return await current_time(session)


def test_every_timer_has_bounds_around_its_default() -> None:
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
    timers = {"riderSilenceSeconds": 600, "riderSilenceCaseSeconds": 300}
    values = {"companyId": encode_id(Company, shared_city.company.id), "timers": timers}
    payload = (await company_admin.run(UPDATE, {"input": values}))["companyUpdate"]
    [error] = payload["errors"]
    assert error["path"] == ["input", "timers", "riderSilenceCaseSeconds"]


async def test_only_admins_of_the_company_set_its_timers(
    container: Container, other_company_admin: ActorClient, shared_city: City
) -> None:
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


async def test_an_order_waits_for_payment_as_its_company_says(
    shop: Shop, city: City, buyer: Actor
) -> None:
    """A guest waits no longer than the installation allows; whoever has a contact is no guest."""
    await set_timers(shop.database, city, payment_seconds=900)
    async with shop.database.write(PLATFORM, ORIGIN) as session:
        person = await session.get_one(Person, buyer.person_id)
        person.email = f"{uuid7().hex}@mail.example"
    before = await clock(shop.database)
    order = await shop.buy(buyer, order_request(city, 1))
    assert order.due_at is not None
    assert order.due_at >= before + timedelta(seconds=900)


async def test_a_task_waits_for_its_store_as_the_company_says(
    dependencies: OrderDependencies, city: City
) -> None:
    database = dependencies.database
    await set_timers(database, city, accept_seconds=900)
    before = await clock(database)
    [task] = await fulfillments_of(database, await place_paid_order(dependencies, city))
    assert task.due_at is not None
    assert task.due_at >= before + timedelta(seconds=900)


async def test_an_offer_is_valid_as_long_as_the_company_says(
    dependencies: OrderDependencies, city: City
) -> None:
    database = dependencies.database
    await set_timers(database, city, offer_seconds=120)
    await riders.bring_online(database, city, 0, north_m=100)
    before = await clock(database)
    _, _, _, delivery = await riders.accepted_order(dependencies, city)
    offer = await riders.open_offer(database, delivery)
    assert offer is not None
    assert offer.expires_at >= before + timedelta(seconds=120)


async def test_a_rider_is_silent_when_the_company_says(
    dependencies: OrderDependencies, city: City
) -> None:
    """After ten minutes in a city with dead spots, not after three."""
    database = dependencies.database
    await set_timers(database, city, rider_silence_seconds=1_800)
    _, _, _, delivery, _ = await riders.assigned_delivery(dependencies, city)
    for seconds, is_silent in ((600, False), (1_300, True)):
        await riders.backdate_assignment(database, delivery, seconds)
        await riders.age_positions(database, city, seconds)
        async with database.read(PLATFORM) as session:
            silent = await session.scalars(silent_riders.DELIVERIES_OF_SILENT_RIDERS)
            assert (delivery.id in silent.all()) is is_silent


async def test_a_rider_waits_at_the_door_as_long_as_the_company_says(
    dependencies: OrderDependencies, city: City
) -> None:
    database = dependencies.database
    bags = await carried_bags(dependencies, city, DeliveryStatus.AT_CUSTOMER)
    await set_timers(database, city, no_show_wait_seconds=1_800)
    await riders.backdate_arrivals(database, city, 301)
    step = failed_attempts.fail_attempt
    problem = await riders.refused_step(database, bags.rider, bags.delivery, step, **NOBODY_HOME)
    assert isinstance(problem, failed_attempts.TooEarly)
    await riders.backdate_arrivals(database, city, 1_500)
    failed = await riders.take_step(database, bags.rider, bags.delivery, step, **NOBODY_HOME)
    assert (failed.fail_reason, failed.fee_kept) == (FailReason.NOBODY_HOME, True)
