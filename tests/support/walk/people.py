"""The people of the walk: each role in the own store, the next store, the other company, and none.

`own` is the first store of the first company, whose orders most rows belong to.
"""

from collections.abc import Callable, Mapping

from models.identity import Grant, Role
from resolvers.context import Container
from tests.support.actors import ActorClient, create_client
from tests.support.city import City

Grants = Callable[[City], tuple[Grant, ...]]
BUYS = Grant(Role.CUSTOMER)


def _at(role: Role, store: str) -> Grants:
    def grants(city: City) -> tuple[Grant, ...]:
        if store == "other":
            return (Grant(role, city.second.id, city.second.stores[0].id),)
        return (Grant(role, city.company.id, getattr(city, store).id),)

    return grants


def _in(role: Role, company: str) -> Grants:
    return lambda city: (Grant(role, getattr(city, company).id),)


def _two_hats(city: City) -> tuple[Grant, ...]:
    return (*_at(Role.STORE_STAFF, "near")(city), *_at(Role.STORE_MANAGER, "other")(city))


PEOPLE: Mapping[str, Grants] = {
    "stranger": lambda city: (BUYS,),
    "guest": lambda city: (BUYS,),
    "neighbor": _at(Role.STORE_STAFF, "next"),
    "neighbor_manager": _at(Role.STORE_MANAGER, "next"),
    "other_picker": _at(Role.STORE_STAFF, "other"),
    "other_manager": _at(Role.STORE_MANAGER, "other"),
    "other_admin": _in(Role.COMPANY_ADMIN, "second"),
    "other_agent": _in(Role.SUPPORT_AGENT, "second"),
    "platform_agent": lambda city: (Grant(Role.SUPPORT_AGENT),),
    "agent_who_buys": lambda city: (BUYS, *_in(Role.SUPPORT_AGENT, "first")(city)),
    "picker_who_buys": lambda city: (BUYS, *_at(Role.STORE_STAFF, "near")(city)),
    "two_hats": _two_hats,
    "dismissed": lambda city: (),
}
"""What the people hold beside those who play the story; see `create_player` for them."""


async def create_strangers(container: Container, city: City) -> dict[str, ActorClient]:
    """Create the people above, and a client for each further rider of the city."""
    people = {
        name: await create_client(container, name, *grants(city), guest=name == "guest")
        for name, grants in PEOPLE.items()
    }
    riders = {
        "returning_rider": city.riders[1], "courier": city.riders[2],
        "other_rider": city.second.riders[0],
    }  # fmt: skip
    for name, row in riders.items():
        grant = Grant(Role.RIDER, row.company_id)
        people[name] = await create_client(container, name, grant, person_id=row.person_id)
    return people
