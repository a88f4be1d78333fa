"""Who holds a right, what they may do with it, and the statement that ends it."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from attack.entry_points import app_query, mutation_texts
from attack.target import document
from database.base import uuid7
from models.companies import Company
from models.identity import AppScope, Grant, Role
from models.ids import decode_id, encode_id
from models.integrations import App, AppSecret, AppSecretKind
from models.orders import Order
from models.stores import Store
from tests.support import city as cities
from tests.support.actors import create_client
from tests.support.city import City
from tests.support.minimal_queries import minimal_document
from tests.support.production.harness import Harness, unused_place
from tests.support.server.integrator import AppAdmin
from tests.support.walk.named_rows import MUTATIONS

PERSON_WAYS = {
    "signed out": "update sign_in_session set revoked_at = now() where id = $1",
    "session expired": "update sign_in_session set expires_at = now() where id = $1",
    "dismissed": "update membership set revoked_at = now() where person_id = $2",
}
APP_WAYS = {
    "secret revoked": "update app_secret set revoked_at = now() where id = $1",
    "secret expired": "update app_secret set expires_at = now() where id = $1",
    "app revoked": "update app set revoked_at = now() where id = $2",
    "permissions taken": "update app set opened = '{}' where id = $2",
}
ROLES: dict[Role, tuple[str, str | None]] = {
    Role.CUSTOMER: ("addressRemove", None),
    Role.RIDER: ("deliveryArriveAtStore", "delivery_offered"),
    Role.STORE_STAFF: ("fulfillmentAccept", "store_queue_changed"),
    Role.STORE_MANAGER: ("storeUpdate", "store_queue_changed"),
    Role.COMPANY_ADMIN: ("companyUpdate", "store_queue_changed"),
    Role.SUPER_ADMIN: ("companyUpdate", "support_queue_changed"),
    Role.SUPPORT_AGENT: ("ticketAssign", "support_queue_changed"),
}
"""A mutation that needs the role, and a stream that people of the role may open."""


@dataclass(frozen=True, slots=True)
class Request:
    """A document and its variables."""

    query: str
    variables: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Holder:
    """A bearer of a right, what they ask meanwhile, and the statement that ends the right.

    The mutation names no row to change: with the right it is answered that there is none.
    """

    name: str
    way: str
    bearer: str
    asked: Request
    changed: Request
    streamed: Request | None
    end: str
    keys: tuple[UUID | None, UUID | None]

    @property
    def may_ask(self) -> bool:
        """Whether they may still ask who they are: they are signed in, and have no role."""
        return self.way == "dismissed"

    @property
    def may_connect(self) -> bool:
        """Whether a socket may stay open, on which no operation is allowed."""
        return self.way == "permissions taken"


async def holders(harness: Harness, *, every: int) -> Sequence[Holder]:
    """Each role in each way, then each kind of credential of apps in each way; one of `every`."""
    place = unused_place(random.Random())
    city = await cities.build_city(harness.container.database, place=place)
    kinds: list[tuple[Role | AppSecretKind, str]] = [
        *((role, way) for role in ROLES for way in PERSON_WAYS),
        *((kind, way) for kind in AppSecretKind for way in APP_WAYS),
    ]
    found = []
    for kind, way in kinds[::every]:
        if isinstance(kind, Role):
            found.append(await _person(harness, city, kind, way))
        else:
            found.append(await _app(harness, city, kind, way))
    return found


async def _person(harness: Harness, city: City, role: Role, way: str) -> Holder:
    company, store = city.company.id, city.near.id
    grant = {
        Role.CUSTOMER: Grant(role),
        Role.SUPER_ADMIN: Grant(role),
        Role.SUPPORT_AGENT: Grant(role),
        Role.RIDER: Grant(role, company),
        Role.COMPANY_ADMIN: Grant(role, company),
    }.get(role, Grant(role, company, store))
    person_id = None
    if role is Role.RIDER:
        rider = next(one for one in city.riders if one.id not in _taken)
        _taken.add(rider.id)
        person_id = rider.person_id
    person = await create_client(harness.container, "Holder", grant, person_id=person_id)
    mutation, stream = ROLES[role]
    return Holder(
        role.name,
        way,
        person.token,
        Request(document("viewer"), {}),
        _mutation(mutation, city),
        None if stream is None else _stream(stream, store),
        PERSON_WAYS[way],
        (person.actor.session_id, person.id),
    )


_taken: set[UUID] = set()


async def _app(harness: Harness, city: City, kind: AppSecretKind, way: str) -> Holder:
    owner = await create_client(
        harness.container, "Owner", Grant(Role.COMPANY_ADMIN, city.company.id)
    )
    admin: Any = AppAdmin(owner, None, city)  # type: ignore[arg-type] # sends nothing itself
    app = await admin.create_app(*(scope.name for scope in AppScope))
    secret, text = await admin.create_secret(app, kind.name)
    bearer = text
    if kind is AppSecretKind.CLIENT_SECRET:
        form = {"grant_type": "client_credentials"}
        response = await harness.http.post("/oauth/token", data=form, auth=(app, text))
        bearer = response.json()["access_token"]
    return Holder(
        kind.name,
        way,
        bearer,
        Request(app_query(), {"store": encode_id(Store, city.near.id)}),
        _mutation("stockBulkSet", city),
        _stream("store_queue_changed", city.near.id),
        APP_WAYS[way],
        (decode_id(AppSecret, secret), decode_id(App, app)),
    )


def _mutation(name: str, city: City) -> Request:
    own = {
        "companyId": encode_id(Company, city.company.id),
        "storeId": encode_id(Store, city.near.id),
    }
    nothing = encode_id(Order, uuid7())
    _, variables = minimal_document(
        "mutation", name, MUTATIONS[name], lambda id_name: own.get(id_name, nothing)
    )
    return Request(mutation_texts()[name], variables)


def _stream(name: str, store: UUID) -> Request:
    variables = {"storeId": encode_id(Store, store)} if name.startswith("store") else {}
    return Request(document(name), variables)
