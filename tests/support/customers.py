"""People with roles, and order requests of customers."""

from uuid import UUID

from database.audit import AuditContext
from database.scope import PLATFORM
from database.sessions import Database
from models.accounts import Membership, User
from models.geo_point import Point
from models.identity import Actor, Grant, Role
from services.carts.baskets import OrderRequest, RequestedLine
from services.checkout.unpaid_limits import UnpaidLimits
from tests.support.city import City

ORIGIN = AuditContext("test")
NO_LIMITS = UnpaidLimits(orders_per_customer=1_000, share_percent=100)
"""For tests about something else than what may wait for payment."""


async def create_people(database: Database, count: int = 1, *grants: Grant) -> list[Actor]:
    """Create people, customers unless grants are passed."""
    roles = grants or (Grant(Role.CUSTOMER),)
    async with database.write(PLATFORM, ORIGIN) as session:
        persons = [User(name=f"Person {number}") for number in range(count)]
        session.add_all(persons)
        await session.flush()
        session.add_all(
            Membership(
                person_id=person.id, role=grant.role, company_id=grant.company_id,
                store_id=grant.store_id,
            )
            for person in persons
            for grant in roles
        )  # fmt: skip
    return [Actor(person_id=person.id, grants=roles) for person in persons]


def order_request(
    city: City, quantity: int = 1, products: tuple[int, ...] = (11,), **more: object
) -> OrderRequest:
    """Return an order request for `quantity` of products of the first company, at its point."""
    lines = tuple(RequestedLine(city.products[index].id, quantity) for index in products)
    point = Point(city.latitude, city.longitude)
    return OrderRequest(point=point, lines=lines, address_line="Rua das Flores 1", **more)  # type: ignore[arg-type] # fields of the request


def product_id(city: City, index: int = 11) -> UUID:
    return city.products[index].id
