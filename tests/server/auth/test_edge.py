"""Who is known without asking: those whose token and session were found good a moment ago."""

from resolvers.context import House
from server.auth.edge import Edge
from server.transport import Denied, Opened
from tests.support.actors import Standing


def edge_of(house: House) -> Edge:
    edge = Edge()
    edge.house = house
    return edge


async def test_a_person_is_known_from_their_first_request_until_they_sign_out(
    house: House, customer: Standing
) -> None:
    edge, headers = edge_of(house), {"authorization": f"Bearer {customer.token}"}
    session_id = customer.actor.session_id
    assert session_id is not None
    house.identity.forget(session_id)
    assert edge.at_hand(headers, client="") is None
    opened = await edge.open(headers, client="")
    known = edge.at_hand(headers, client="")
    assert isinstance(opened, Opened)
    assert known is not None
    assert (known.identity, known.expires_at) == (opened.identity, opened.expires_at)
    assert known.context.actor == opened.context.actor
    house.identity.forget(session_id)
    assert edge.at_hand(headers, client="") is None


async def test_nobody_is_known_and_whatever_is_wrong_is_left_to_the_sign_in(house: House) -> None:
    edge = edge_of(house)
    known = edge.at_hand({}, client="10.0.0.1")
    assert known is not None
    assert known.context.actor.person_id is None
    for headers in ({"authorization": "Basic x"}, {"authorization": "Bearer x"}):
        assert edge.at_hand(headers, client="") is None
        assert isinstance(await edge.open(headers, client=""), Denied)
