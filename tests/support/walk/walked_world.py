"""Orders of friends and strangers in one city, one in each situation that a rule knows."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from database.audit import AuditContext
from database.base import Base, Entity, uuid7
from database.scope import PLATFORM
from models.accounts import Address, Invitation, Membership, User
from models.catalog import Product
from models.companies import Company
from models.delivery import (
    Delivery,
    DeliveryOffer,
    DeliveryOfferStatus,
    DeliveryStatus,
    DeliveryTrack,
)
from models.fulfillment import Fulfillment, FulfillmentLine, FulfillmentStatus
from models.identity import Role, SignInSession
from models.ids import PREFIXES, encode_id
from models.orders import FulfillmentMethod, Order, OrderStatus
from models.riders import Rider, RiderLocation, RiderStatus
from models.stock import BatchRecall, PickedBatch, StockBatch
from models.stores import Store
from models.support import Ticket
from resolvers.context import Container
from tests.support import city as cities
from tests.support.city import CityCompany
from tests.support.operations import daily_work
from tests.support.operations.player import create_player
from tests.support.order_rows import Keys, create_order_rows, fill_required_columns
from tests.support.stripe_simulator import open_sandbox
from tests.support.walk.marks import read_rows, write_marks, write_tracks
from tests.support.walk.parties import IdOf, World
from tests.support.walk.people import create_strangers

LONG_AGO = timedelta(days=3)
OTHER_NAMES = {"count": "stockcount", "endpoint": "webhookendpoint", "grant": "membership",
               "secret": "appsecret", "session": "signinsession", "import": "stockimport",
               "stockimportchanged": "stockimport", "upload": "stockupload",
               "line": "fulfillmentline",
               "offer": "deliveryoffer", "alert": "stockalert", "assignee": "person",
               "source": "store", "destination": "store", "recall": "batchrecall",
               "batch": "stockbatch", "missingline": "fulfillmentline",
               "removedproduct": "product"}  # fmt: skip


@asynccontextmanager
async def open_world(
    container: Container, *, place: tuple[float, float] | None = None
) -> AsyncIterator[World]:
    """A city in which orders were delivered, complained about, lost, or are under way."""
    city = await cities.build_city(container.database, place=place)
    async with open_sandbox() as sandbox:
        play = await create_player(container, sandbox, city)
        order = await daily_work.deliver_order(play)
        await daily_work.complain(play, order)
        await daily_work.add_one_of_everything(play, 2)
    clients = play.clients | await create_strangers(container, city)
    world = World(city, clients, {}, {})
    async with container.database.write(PLATFORM, AuditContext("test:world")) as session:
        await _create_places(session, world)
        await session.flush()
        await _read(session, world)
        world.numbers = await write_marks(session, world)
        world.lines = await write_tracks(session, world)
    async with container.database.read(PLATFORM) as session:
        await _read(session, world)
    yield world


async def _read(session: AsyncSession, world: World) -> None:
    companies = [world.city.company.id, world.city.second.id]
    models: list[type[Base]] = [*PREFIXES, RiderLocation, DeliveryTrack]
    for model in models:
        world.rows[model] = await read_rows(session, model, companies)
    people = {client.id for client in world.clients.values() if client.person}
    people |= {key for place in world.places.values() for key in [place[User]]}
    world.rows[User] = {key: row for key, row in world.rows[User].items() if key in people}


async def _create_places(session: AsyncSession, world: World) -> None:
    """An order of the stranger, with rows of every model, in each situation."""
    city, clients = world.city, world.clients
    stranger = clients["stranger"].id
    next_door = replace(city.first, stores=[city.next])
    rides = {"here": city.riders[2], "returning": city.riders[1]}
    places: dict[str, tuple[CityCompany, UUID]] = {
        "here": (city.first, stranger), "ended": (city.first, stranger),
        "lost": (city.first, stranger), "returning": (city.first, stranger),
        "next_door": (next_door, stranger), "elsewhere": (city.second, stranger),
        "of_an_agent": (city.first, clients["agent_who_buys"].id),
        "of_a_guest": (next_door, clients["guest"].id),
        "of_a_picker": (next_door, clients["picker_who_buys"].id),
    }  # fmt: skip
    for name, (shop, customer) in places.items():
        keys = await create_order_rows(session, shop, customer)
        rider = rides.get(name) or shop.riders[-1]
        await _add_rows(session, world, shop, keys, rider, is_on_ride=name in rides)
        world.places[name] = keys
    await _set_situations(session, world)


async def _add_rows(
    session: AsyncSession, world: World, shop: CityCompany, keys: Keys, rider: Rider,
    is_on_ride: bool,
) -> None:  # fmt: skip
    """The rows of an order that `create_order_rows` does not create."""
    company: dict[str, Any] = {"company_id": shop.id}
    place: dict[str, Any] = {**company, "store_id": keys[Store]}
    person, code = keys[User], uuid7().hex
    ridden = {"rider_id": rider.id, "rider_person_id": rider.person_id}
    managers = {world.city.near.id: "manager", world.city.next.id: "neighbor_manager"}
    manager = world.clients[managers.get(keys[Store], "other_manager")]
    offer = DeliveryOffer(
        delivery_id=keys[Delivery],
        **ridden,
        **place,
        status=DeliveryOfferStatus.ACCEPTED,
        expires_at=_ago(LONG_AGO),
    )
    invitation = Invitation(
        role=Role.STORE_STAFF, email=f"{code}@mail.example", invited_by_id=manager.id, **place
    )
    session_row = SignInSession(person_id=person, device="phone", address="192.0.2.7")
    batch = StockBatch(product_id=keys[Product], code=code, on_hand=1, **place)
    recall = BatchRecall(**company, product_id=keys[Product], batch_code=code)
    member = await session.scalar(select(Membership.id).where(Membership.person_id == manager.id))
    assert member is not None
    for row in (offer, invitation, session_row, batch, recall, Address(person_id=person)):
        session.add(fill_required_columns(row))
        keys[type(row)] = row.id
    keys |= {Company: shop.id, Rider: rider.id, Membership: member}
    await session.flush()
    picked = {"order_id": keys[Order], "fulfillment_line_id": keys[FulfillmentLine]}
    picked["product_id"] = keys[Product]
    session.add(PickedBatch(batch_id=batch.id, quantity=1, **picked, **place))
    session.add(_track(shop, keys))
    if is_on_ride:
        await _change(session, Delivery, keys, **ridden, status=DeliveryStatus.EN_ROUTE_TO_CUSTOMER)
        online = {"status": RiderStatus.ONLINE, "online_since": _ago(timedelta(hours=1))}
        await _change(session, Rider, keys, **online, live_delivery_id=keys[Delivery])


def _track(shop: CityCompany, keys: Keys) -> DeliveryTrack:
    times = dict.fromkeys(("first_recorded_at", "last_recorded_at"), _ago(LONG_AGO))
    key = keys[Delivery]
    return DeliveryTrack(delivery_id=key, company_id=shop.id, line=b"", point_count=2, **times)


async def _set_situations(session: AsyncSession, world: World) -> None:
    """Give the orders their states, and each rider a last position."""
    places, city = world.places, world.city
    for name in ("here", "lost", "next_door", "elsewhere", "of_an_agent", "of_a_guest"):
        await _change(session, Order, places[name], status=OrderStatus.CONFIRMED)
    for name in ("of_a_guest", "ended"):
        await _change(session, Order, places[name], method=FulfillmentMethod.PICKUP)
    ended, lost, returning = places["ended"], places["lost"], places["returning"]
    long_ago = _ago(LONG_AGO)
    await _change(session, Order, ended, status=OrderStatus.COMPLETED, completed_at=long_ago)
    await _change(
        session, Fulfillment, ended, status=FulfillmentStatus.HANDED_OVER, handed_over_at=long_ago
    )
    await _change(session, Delivery, ended, status=DeliveryStatus.DELIVERED, delivered_at=long_ago)
    await _change(session, Order, lost, store_id=city.next.id)
    await _change(session, Fulfillment, lost, status=FulfillmentStatus.REJECTED)
    for back in (returning, places["of_a_picker"]):
        await _change(session, Delivery, back, status=DeliveryStatus.RETURNING)
    await _change(session, Ticket, lost, internal=True, cause_id=lost[Order])
    for rider in (*city.riders, *city.second.riders):
        keys: dict[str, Any] = {"person_id": rider.person_id, "company_id": rider.company_id}
        session.add(RiderLocation(rider_id=rider.id, latitude=0.0, longitude=0.0, **keys))


async def _change(session: AsyncSession, model: type[Entity], keys: Keys, **values: object) -> None:
    await session.execute(update(model).where(model.id == keys[model]).values(**values))


def _ago(time: timedelta) -> datetime:
    return datetime.now(UTC) - time


def ids_of(keys: Keys) -> IdOf:
    """Returns the public id for an argument such as `storeId`."""
    by_name = {
        model.__name__.lower(): encode_id(model, key)
        for model, key in keys.items()
        if model in PREFIXES
    }

    def id_of(argument: str) -> str | None:
        name = argument.removesuffix("s").removesuffix("Id").lower()
        return by_name.get(name) or by_name.get(OTHER_NAMES.get(name, ""))

    return id_of
