"""The order that followers of a fault run watch is consistent, as the audit of its store asks.

The servers of all fault tests of one session share a database and a log: an order without its
reservation was reported there while other tests read the log.
"""

from database.scope import PLATFORM
from resolvers.context import Container
from services.stock.audit.stock_audit import find_differences
from tests.support.city import City
from tests.support.faults.followers import create_idle_order


async def test_the_audit_finds_nothing_wrong_with_an_idle_order(
    container: Container, shared_city: City
) -> None:
    order = await create_idle_order(container.database, shared_city)
    async with container.database.read(PLATFORM) as session:
        differences = await find_differences(session, shared_city.near.id)
    assert order.id not in {difference.order_id for difference in differences}
