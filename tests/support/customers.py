"""Customers who buy: people with an account, and what they wish for."""

from uuid import UUID

from database.scope import PLATFORM
from database.sessions import Database, Origin
from models.accounts import Membership, Person
from models.geo_point import Point
from models.identity import Actor, Grant, Role
from services.carts.baskets import Wanted, Wish
from tests.support.city import City

ORIGIN = Origin("test")


async def people(database: Database, count: int = 1, *grants: Grant) -> list[Actor]:
    """New people, customers unless other grants are named."""
    held = grants or (Grant(Role.CUSTOMER),)
    async with database.write(PLATFORM, ORIGIN) as session:
        made = [Person(name=f"Person {number}") for number in range(count)]
        session.add_all(made)
        await session.flush()
        session.add_all(
            Membership(
                person_id=one.id, role=grant.role, company_id=grant.company_id,
                store_id=grant.store_id,
            )
            for one in made
            for grant in held
        )  # fmt: skip
    return [Actor(person_id=one.id, grants=held) for one in made]


def wish(city: City, quantity: int = 1, products: tuple[int, ...] = (11,), **more: object) -> Wish:
    """A wish for `quantity` of some products of the city's first company, at its point."""
    lines = tuple(Wanted(city.products[index].id, quantity) for index in products)
    place = Point(city.latitude, city.longitude)
    return Wish(point=place, lines=lines, address_line="Rua das Flores 1", **more)  # type: ignore[arg-type] # fields of the wish


def product(city: City, index: int = 11) -> UUID:
    return city.products[index].id
