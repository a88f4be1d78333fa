"""What customers and support are answered: problems at their field, and no errors of a success."""

from database.base import uuid7
from models.companies import Company
from models.identity import Grant, Role
from models.ids import encode_id
from tests.resolvers.orders.test_orders import OrderClient, client, sandbox
from tests.support.customers import create_people
from tests.support.graph_queries import operation

__all__ = ["client", "sandbox"]

STOREFRONT_OF = """query($location: GeoPointInput!, $company: ID!) {
  storefront(location: $location, companyId: $company) { serviceable }
}"""


async def test_a_company_that_there_is_not_is_no_wrong_address(client: OrderClient) -> None:
    """A wrong id in a client's settings was NotServiceable at an address that is served."""
    unknown = encode_id(Company, uuid7())
    response = await client.place(companyId=unknown)
    [error] = response.data["orderPlace"]["errors"]
    assert (error["__typename"], error["path"]) == ("NotFound", ["input", "companyId"])
    asked = {"location": client.city.point, "company": unknown}
    answer = await client.ask(STOREFRONT_OF, asked, client.buyer)
    assert answer.codes == ["NOT_FOUND"]


async def test_a_later_delivery_is_said_in_minutes_and_without_another_store(
    client: OrderClient,
) -> None:
    """It said "up to 492 seconds from another store", and the store was the same."""
    response = await client.place(expectedP90Seconds=1)
    [error] = response.data["orderPlace"]["errors"]
    assert error["__typename"] == "DeliveryEstimateChanged"
    assert "minute" in error["message"]
    assert "store" not in error["message"]


async def test_support_changes_an_order_without_an_error(client: OrderClient) -> None:
    """The change was made, and the answer had two errors: a client took it for refused."""
    paid = await client.pay(await client.place_successfully())
    grant = Grant(Role.SUPPORT_AGENT, client.city.company.id)
    (agent,) = await create_people(client.shop.database, 1, grant)
    variables = {"input": {"orderId": paid["id"], "tipMinor": 900}}
    response = await client.ask(operation("order_change"), variables, agent)
    assert not response.errors
    payload = response.data["orderChange"]
    assert (payload["errors"], payload["orderChange"]["status"]) == ([], "AWAITING_PAYMENT")
    payment = payload["orderChange"]["payment"]
    assert (payment["clientSecret"], payment["nextActionUrl"]) == (None, None)
