"""What a rider is shown of an offer."""

from datetime import UTC, datetime, timedelta

import pytest

from database.base import Base
from database.scope import PLATFORM
from models.delivery import DeliveryOffer
from models.identity import Grant, Role
from models.ids import encode_id
from resolvers.context import Container
from tests.support.actors import create_client
from tests.support.city import City
from tests.support.customers import ORIGIN
from tests.support.rows.any_row import insert_row

NODE = "query ($id: ID!) { node(id: $id) { ... on DeliveryOffer { status availableActions } } }"
TABLES = Base.metadata.tables


@pytest.mark.parametrize("hours", [1, -1], ids=["in time", "expired"])
async def test_an_expired_offer_shows_no_answers(
    container: Container, shared_city: City, hours: int
) -> None:
    """Until the job had closed it, it showed ACCEPT, which was refused."""
    company_id = shared_city.company.id
    client = await create_client(container, "Rider", Grant(Role.RIDER, company_id))
    async with container.database.write(PLATFORM, ORIGIN) as session:
        of_company = {"company_id": company_id}
        rider = await insert_row(session, TABLES["rider"], person_id=client.id, **of_company)
        values = {"status": "CANCELED", "store_id": shared_city.near.id, **of_company}
        delivery = await insert_row(session, TABLES["delivery"], **values)
        offer = await insert_row(
            session, TABLES["delivery_offer"], status="OFFERED", rider_id=rider.id,
            rider_person_id=client.id, delivery_id=delivery.id, store_id=shared_city.near.id,
            expires_at=datetime.now(UTC) + timedelta(hours=hours), **of_company,
        )  # fmt: skip
    shown = (await client.run(NODE, {"id": encode_id(DeliveryOffer, offer.id)}))["node"]
    assert shown["status"] == "OFFERED"
    assert shown["availableActions"] == (["ACCEPT", "DECLINE"] if hours > 0 else [])
