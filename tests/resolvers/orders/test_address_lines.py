"""A delivery needs an address line: a point on a map is no door."""

import pytest

from tests.support.actors import ActorClient
from tests.support.city import City
from tests.support.graph_queries import public_id

PLACE = """mutation ($input: OrderPlaceInput!) { orderPlace(input: $input) { order { id } errors {
  __typename ... on InvalidInput { path } } } }"""


@pytest.mark.parametrize("line", [None, "", "   ", "\u200b", "\u2800"])
async def test_a_delivery_to_a_place_needs_an_address_line(
    guest: ActorClient, shared_city: City, line: str | None
) -> None:
    """An order to a point on the map alone was accepted and paid: no rider could deliver it."""
    lines = [{"productId": public_id(shared_city.products[11]), "quantity": 1}]
    place = {"destination": {"location": shared_city.point}, "addressLine": line, "lines": lines}
    payload = (await guest.run(PLACE, {"input": place}))["orderPlace"]
    refused = {"__typename": "InvalidInput", "path": ["input", "addressLine"]}
    assert payload == {"order": None, "errors": [refused]}
