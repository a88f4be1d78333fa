"""How much of a store's stock an order tells to strangers."""

from tests.support.actors import ActorClient
from tests.support.city import ON_HAND, PRODUCTS, City
from tests.support.graph_queries import public_id

PLACE = """mutation ($input: OrderPlaceInput!) { orderPlace(input: $input) { errors {
  __typename ... on InsufficientStock { available message } } } }"""


async def test_a_large_order_does_not_tell_how_many_units_there_are(
    guest: ActorClient, shared_city: City
) -> None:
    """One request for 99 units of each product told a stranger the exact stock of a whole store."""
    lines = [{"productId": public_id(product), "quantity": 99} for product in shared_city.products]
    variables = {"input": {"location": shared_city.point, "addressLine": "Rua 1", "lines": lines}}
    errors = (await guest.run(PLACE, variables))["orderPlace"]["errors"]
    assert len(errors) == PRODUCTS
    assert {error["available"] for error in errors} == {9}
    assert ON_HAND > 9
    assert not [error for error in errors if str(ON_HAND) in error["message"]]
