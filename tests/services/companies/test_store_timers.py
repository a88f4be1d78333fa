"""A store's managers set timers that hold there, in place of those of its company."""

import asyncio
from dataclasses import fields
from typing import Any

import pytest
from sqlalchemy import select

from database.scope import PLATFORM
from database.sessions import Database
from models.companies import Company, timer_seconds
from models.delivery import DeliveryStatus
from models.events import Event
from models.identity import Grant, Role
from models.ids import encode_id
from models.stores import Store
from models.timers import DEFAULT_TIMERS, TIMER_BOUNDS, CompanyTimers, StoreTimers
from resolvers.context import Container
from services import companies
from services.delivery.ride_settings import STATE_TIMERS
from services.events.event_log import catalog_stream
from tests.support.actors import ActorClient, create_client
from tests.support.city import City
from tests.support.customers import ORIGIN
from tests.support.order_steps.order_timers import FIELDS, NAMES, set_store_timers, set_timers
from tests.support.order_steps.order_timers import UPDATE as UPDATE_COMPANY

UPDATE = f"""mutation ($input: StoreUpdateInput!) {{ storeUpdate(input: $input) {{
  store {{ desk {{ version timers {{ {FIELDS} }} }} }}
  errors {{ __typename ... on Problem {{ path message }} }} }} }}"""
SILENCE, CASE = "riderSilenceSeconds", "riderSilenceCaseSeconds"
DESK = "query ($id: ID!) { store(id: $id) { desk { version } } }"


@pytest.fixture
async def manager(container: Container, city: City) -> ActorClient:
    grant = Grant(Role.STORE_MANAGER, city.company.id, city.near.id)
    return await create_client(container, "Manager", grant)


async def set_by(client: ActorClient, city: City, **values: Any) -> Any:
    key = encode_id(Store, city.near.id)
    seen = (await client.run(DESK, {"id": key}))["store"]["desk"]
    version = seen["version"] if seen else 1
    changed = {"input": {"storeId": key, "expectedVersion": version, **values}}
    return (await client.run(UPDATE, changed))["storeUpdate"]


def test_a_store_may_set_every_timer_of_a_company() -> None:
    """A timer that is left out could not be set for the one store that needs another value."""
    assert [field.name for field in fields(StoreTimers)] == NAMES


async def test_a_manager_sets_and_ends_timers_of_the_store(
    container: Container, manager: ActorClient, city: City
) -> None:
    """A store in a mall needs ten minutes to accept; its company's four canceled its orders."""
    payload = await set_by(manager, city, timers={"acceptSeconds": 90, "offerSeconds": 30})
    assert payload["errors"] == []
    shown = payload["store"]["desk"]["timers"]
    assert (shown["acceptSeconds"], shown["offerSeconds"]) == (90, 30)
    assert shown["paymentSeconds"] is None
    payload = await set_by(manager, city, timers={"acceptSeconds": 120}, clearTimers=True)
    shown = payload["store"]["desk"]["timers"]
    assert (shown["acceptSeconds"], shown["offerSeconds"]) == (120, None)
    async with container.database.read(PLATFORM) as session:
        of_company = Event.stream == catalog_stream(city.company.id)
        events = select(Event).where(of_company).order_by(Event.seq.desc()).limit(1)
        event = (await session.scalars(events)).one()
    assert event.type == "STORE_TIMERS_SET"
    assert (event.body["store_id"], event.body["accept_seconds"]) == (str(city.near.id), 120)


@pytest.mark.parametrize("name", NAMES)
async def test_a_store_keeps_the_bounds_of_a_company(
    manager: ActorClient, city: City, name: str
) -> None:
    """A store's manager sets zero minutes by a slip: each order would be rerouted at once."""
    field = "".join(word.title() if index else word for index, word in enumerate(name.split("_")))
    for seconds in (TIMER_BOUNDS[name][0] - 1, TIMER_BOUNDS[name][1] + 1):
        payload = await set_by(manager, city, timers={field: seconds})
        assert payload["store"] is None
        assert ["input", "timers", field] in [error["path"] for error in payload["errors"]]


async def test_a_stores_timer_fits_to_those_of_its_company(
    container: Container, manager: ActorClient, city: City
) -> None:
    """Its case would be opened before the rider is asked, as the company says when that is."""
    await set_timers(container.database, city, rider_silence_seconds=600)
    payload = await set_by(manager, city, timers={"riderSilenceCaseSeconds": 500})
    [error] = payload["errors"]
    assert error["path"] == ["input", "timers", "riderSilenceCaseSeconds"]


async def test_only_managers_of_the_store_set_its_timers(container: Container, city: City) -> None:
    """A picker, or a manager of the next store, would change when orders are taken away."""
    company, store = city.company.id, city.near.id
    staff = await create_client(container, "Staff", Grant(Role.STORE_STAFF, company, store))
    other = Grant(Role.STORE_MANAGER, company, city.far.id)
    elsewhere = await create_client(container, "Elsewhere", other)
    key = {"storeId": encode_id(Store, store), "expectedVersion": 1}
    values = {"input": {**key, "timers": {"offerSeconds": 30}}}
    assert await staff.codes(UPDATE, values) == {"FORBIDDEN"}
    payload = (await elsewhere.run(UPDATE, values))["storeUpdate"]
    assert [error["__typename"] for error in payload["errors"]] == ["NotFound"]


@pytest.mark.parametrize("name", NAMES)
async def test_the_stores_own_timer_counts_before_its_companys(
    database: Database, city: City, name: str
) -> None:
    """By the one function of services and by the one expression of statements."""
    least, most = TIMER_BOUNDS[name]
    for company, store, expected in (
        ({}, {}, getattr(DEFAULT_TIMERS, name)),
        ({name: least}, {}, least),
        ({name: least}, {name: most}, most),
        ({}, {name: most, "removed_seconds": 1}, most),
    ):
        await set_timers(database, city, **company)
        await set_store_timers(database, city, **store)
        async with database.write(PLATFORM, ORIGIN) as session:
            timers = await companies.read_timers(session, city.near.id)
            joined = select(timer_seconds(name)).select_from(Company)
            joined = joined.join(Store, Store.company_id == Company.id)
            seconds = await session.scalar(joined.where(Store.id == city.near.id))
        assert isinstance(timers, CompanyTimers)
        assert getattr(timers, name) == expected == seconds


async def test_a_companys_timers_fit_to_those_of_its_stores(
    container: Container, company_admin: ActorClient, shared_city: City
) -> None:
    """A store asks silent riders late: its company's case would be opened before, from either side.

    The problem names a timer that was given, also when the other one is the store's own.
    """
    company = encode_id(Company, shared_city.company.id)
    late = {"rider_silence_seconds": 1_200, "rider_silence_case_seconds": 1_500}
    try:
        for own, given, field in (
            ({"rider_silence_seconds": 600}, {"riderSilenceCaseSeconds": 300}, CASE),
            ({"rider_silence_case_seconds": 200}, {"riderSilenceSeconds": 400}, SILENCE),
            (late, {"riderSilenceSeconds": 600, "riderSilenceCaseSeconds": 1_100}, None),
            ({"rider_silence_seconds": 1_200}, {"offerSeconds": 30}, None),
        ):
            await set_store_timers(container.database, shared_city, **own)
            values = {"input": {"companyId": company, "timers": given}}
            errors = (await company_admin.run(UPDATE_COMPANY, values))["companyUpdate"]["errors"]
            expected = [] if field is None else [["input", "timers", field]]
            assert [error["path"] for error in errors] == expected
            assert all(shared_city.near.name in error["message"] for error in errors)
            await set_timers(container.database, shared_city)
    finally:
        await set_store_timers(container.database, shared_city)
        await set_timers(container.database, shared_city)


async def test_the_problem_of_a_stores_timers_names_one_that_was_given(
    container: Container, manager: ActorClient, city: City
) -> None:
    """The case is the company's: only the time until the rider is asked was given."""
    await set_timers(container.database, city, rider_silence_case_seconds=500)
    payload = await set_by(manager, city, timers={"riderSilenceSeconds": 600})
    assert [error["path"] for error in payload["errors"]] == [["input", "timers", SILENCE]]
    await set_store_timers(container.database, city, rider_silence_seconds=600)
    payload = await set_by(manager, city, timers={"offerSeconds": 30})
    assert payload["errors"] == []


async def test_timers_of_company_and_store_that_are_set_together_fit(
    container: Container, city: City
) -> None:
    """Each alone fits: whoever commits last is refused, however the two steps overlap."""
    company, store = city.company.id, city.near.id
    admin = await create_client(container, "Admin", Grant(Role.COMPANY_ADMIN, company))
    manager = await create_client(container, "Manager", Grant(Role.STORE_MANAGER, company, store))
    case = {"companyId": encode_id(Company, company), "timers": {"riderSilenceCaseSeconds": 300}}
    for _ in range(5):
        of_company = admin.run(UPDATE_COMPANY, {"input": case})
        of_store = set_by(manager, city, timers={"riderSilenceSeconds": 400})
        first, second = await asyncio.gather(of_company, of_store)
        assert bool(first["companyUpdate"]["errors"]) != bool(second["errors"])
        await set_store_timers(container.database, city)
        await set_timers(container.database, city)


async def test_one_timer_of_a_store_ends_and_the_others_stay(
    container: Container, manager: ActorClient, city: City
) -> None:
    """null was taken for a timer that is left out: a store could end all of its timers or none."""
    await set_by(manager, city, timers={"acceptSeconds": 90, "offerSeconds": 30})
    payload = await set_by(manager, city, timers={"acceptSeconds": None, "paymentSeconds": 300})
    shown = payload["store"]["desk"]["timers"]
    assert [shown[one] for one in ("acceptSeconds", "offerSeconds", "paymentSeconds")] == [
        None, 30, 300,
    ]  # fmt: skip
    await set_timers(container.database, city, rider_silence_seconds=900)
    case = {"riderSilenceSeconds": 60, "riderSilenceCaseSeconds": 500}
    assert (await set_by(manager, city, timers=case))["errors"] == []
    payload = await set_by(manager, city, timers={SILENCE: None})
    [error] = payload["errors"]
    assert error["path"] == ["input", "timers", SILENCE]
    assert f"{CASE} is 8 minutes 20 seconds" in error["message"]


async def test_one_timer_of_a_company_gets_its_default_again(
    container: Container, company_admin: ActorClient, shared_city: City
) -> None:
    """An admin who had tried a value could only write the default down, not go back to it."""
    company = {"companyId": encode_id(Company, shared_city.company.id)}
    try:
        await set_timers(container.database, shared_city, accept_seconds=90, offer_seconds=30)
        values = {"input": {**company, "timers": {"acceptSeconds": None}}}
        payload = (await company_admin.run(UPDATE_COMPANY, values))["companyUpdate"]
        timers = payload["company"]["timers"]
        assert timers["acceptSeconds"] == DEFAULT_TIMERS.accept_seconds
        assert timers["offerSeconds"] == 30
    finally:
        await set_timers(container.database, shared_city)


def test_a_wait_at_the_door_ends_before_the_case_about_it() -> None:
    """Support was called after a quarter of an hour for riders who had to wait for half an hour."""
    at_customer = STATE_TIMERS[DeliveryStatus.AT_CUSTOMER].seconds
    assert TIMER_BOUNDS["no_show_wait_seconds"][1] <= at_customer
