"""Rows of friends and strangers in one city, with marks in their private values."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import String, cast, literal, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from database.audit import AuditContext
from database.base import Entity
from database.scope import PLATFORM
from models.accounts import Person
from models.delivery import Delivery, DeliveryStatus
from models.fulfillment import Fulfillment, FulfillmentStatus
from models.identity import Grant, Role
from models.ids import PREFIXES, encode_id
from models.orders import Order, OrderStatus
from models.stores import Store
from resolvers.context import Container
from schema.backing import BACKING
from tests.support import city as cities
from tests.support.actors import ActorClient, create_client
from tests.support.city import City, CityCompany
from tests.support.operations import daily_work
from tests.support.operations.player import create_player
from tests.support.order_rows import Keys, create_order_rows
from tests.support.stripe_simulator import open_sandbox
from tests.support.walk.private_rows import MARKED, World

LONG_AGO = timedelta(days=3)


@asynccontextmanager
async def open_world(container: Container) -> AsyncIterator[World]:
    """A city in which orders were delivered, complained about, lost, or are under way."""
    city = await cities.build_city(container.database)
    async with open_sandbox() as sandbox:
        play = await create_player(container, sandbox, city)
        order = await daily_work.deliver_order(play)
        await daily_work.complain(play, order)
        await daily_work.add_one_of_everything(play, 2)
    clients = play.clients | await _strangers(container, city)
    async with container.database.write(PLATFORM, AuditContext("test:world")) as session:
        places = await _create_rows(session, city, clients)
        await session.flush()
        await _mark(session, city, [client.id for client in clients.values() if client.person])
    async with container.database.read(PLATFORM) as session:
        rows = {model: await _rows_of(session, model, city) for model in PREFIXES}
    nodes = {model: [encode_id(model, key) for key in keys] for model, keys in rows.items()}
    names = {model: kind.__name__.removesuffix("Type") for kind, model in BACKING.items()}
    yield World(city, clients, rows, nodes, places, names)


async def _strangers(container: Container, city: City) -> dict[str, ActorClient]:
    """People of the neighbor store, of the other company, another customer and another rider."""
    company, other = city.company.id, city.second.id
    grants = {
        "neighbor": Grant(Role.STORE_STAFF, company, city.next.id),
        "neighbor_manager": Grant(Role.STORE_MANAGER, company, city.next.id),
        "other_admin": Grant(Role.COMPANY_ADMIN, other),
        "other_agent": Grant(Role.SUPPORT_AGENT, other),
        "stranger": Grant(Role.CUSTOMER),
    }
    people = {name: await create_client(container, name, grant) for name, grant in grants.items()}
    person_id = city.riders[1].person_id
    rider = Grant(Role.RIDER, company)
    people["other_rider"] = await create_client(container, "Rider", rider, person_id=person_id)
    return people


async def _create_rows(
    session: AsyncSession, city: City, clients: dict[str, ActorClient]
) -> list[Callable[[str], str | None]]:
    """Rows of every model of an order at each place; returns ids for arguments at each place."""
    stranger = clients["stranger"].id
    here = await create_order_rows(session, city.first, stranger)
    ended = await create_order_rows(session, city.first, stranger)
    lost = await create_order_rows(session, city.first, stranger)
    next_door = await create_order_rows(session, at_store(city.first, city.next), stranger)
    elsewhere = await create_order_rows(session, city.second, stranger)
    long_ago = datetime.now(UTC) - LONG_AGO
    await _change(session, Order, here, status=OrderStatus.CONFIRMED)
    await _change(session, Order, ended, status=OrderStatus.COMPLETED, completed_at=long_ago)
    await _change(
        session, Fulfillment, ended, status=FulfillmentStatus.HANDED_OVER, handed_over_at=long_ago
    )
    await _change(session, Delivery, ended, status=DeliveryStatus.DELIVERED, delivered_at=long_ago)
    await _change(session, Order, lost, status=OrderStatus.CONFIRMED, store_id=city.next.id)
    await _change(session, Fulfillment, lost, status=FulfillmentStatus.REJECTED)
    return [ids_of(keys) for keys in (here, ended, lost, next_door, elsewhere)]


async def _change(session: AsyncSession, model: type[Entity], keys: Keys, **values: object) -> None:
    await session.execute(update(model).where(model.id == keys[model]).values(**values))


def at_store(shop: CityCompany, store: Store) -> CityCompany:
    """The company as if this were its first store."""
    return replace(shop, stores=[store])


def ids_of(keys: Keys) -> Callable[[str], str | None]:
    """Returns the public id for an argument such as `storeId`, one of an order for `id`."""
    by_name = {
        model.__name__.lower(): encode_id(model, key)
        for model, key in keys.items()
        if model in PREFIXES
    }

    def id_of(argument: str) -> str | None:
        name = argument.removesuffix("s").removesuffix("Id").lower()
        return by_name.get(name)

    return id_of


async def _mark(session: AsyncSession, city: City, people: list[UUID]) -> None:
    """Write the name of row and column into every private value."""
    for model, columns in MARKED.items():
        table: Any = model
        marks = {
            column: literal(f"~{model.__name__}.{column}.") + cast(table.id, String) + "~"
            for column in columns
        }
        if model is Person:
            marked = update(model).where(model.id.in_(people))
        else:
            companies = (city.company.id, city.second.id)
            marked = update(model).where(table.company_id.in_(companies))
        await session.execute(marked.values(marks).execution_options(synchronize_session=False))


async def _rows_of(session: AsyncSession, model: type[Entity], city: City) -> dict[UUID, Any]:
    """The rows of the city's companies, or all where a model belongs to no company."""
    table: Any = model
    statement = select(model).order_by(model.id.desc())
    if "company_id" in table.__table__.columns:
        statement = statement.where(table.company_id.in_((city.company.id, city.second.id)))
    return {row.id: row for row in await session.scalars(statement.limit(500))}
