import asyncio
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import func, select

from database.audit import AuditContext
from database.scope import PLATFORM
from database.sessions import Database
from models.carts import Cart, CartLine, SubstitutionPreference
from models.identity import Actor
from models.stock import StockLevel
from services.carts import carts
from tests.support.city import City
from tests.support.customers import create_people
from tests.support.graph_queries import GraphAnswer, GraphRunner, public_id

SET = """
mutation Set($input: CartLinesSetInput!) {
  cartLinesSet(input: $input) {
    cart {
      id version readyForCheckout
      lines { quantity issue orderableQuantity substitutionPreference product { id name }
        unitPrice { minorUnits } total { minorUnits } }
      totals { subtotal { minorUnits } deliveryFee { minorUnits } smallOrderFee { minorUnits }
      discount { minorUnits }
        tip { minorUnits } tax { minorUnits } total { minorUnits currency } minimumReached
        amountToMinimum { minorUnits } }
    }
    errors {
      __typename
      ... on Problem { path message }
      ... on NotServiceable { reason distanceToNearestZoneMeters }
      ... on VersionConflict { currentVersion }
      ... on QuantityOutOfRange { limit }
      ... on LineLimit { limit }
    }
  }
}
"""

PLACE = """
mutation Place($input: OrderPlaceInput!) {
  orderPlace(input: $input) { errors { __typename ... on LineLimit { limit } } }
}
"""


def line(city: City, index: int, quantity: int, **more: Any) -> dict[str, Any]:
    return {"productId": public_id(city.products[index]), "quantity": quantity, **more}


def error_types(answer: GraphAnswer) -> list[str]:
    return [error["__typename"] for error in answer.data["cartLinesSet"]["errors"]]


async def set_lines(
    ask: GraphRunner, city: City, actor: Actor, *lines: Any, **more: Any
) -> GraphAnswer:
    answer = await ask(
        SET, {"input": {"location": city.point, "lines": list(lines), **more}}, actor
    )
    assert not answer.errors
    return answer


async def test_a_cart_is_priced_by_the_server(ask: GraphRunner, city: City, buyer: Actor) -> None:
    answer = await set_lines(
        ask, city, buyer, line(city, 0, 2, substitutionPreference="ASK_ME"), line(city, 11, 1)
    )
    assert not error_types(answer)
    cart = answer.data["cartLinesSet"]["cart"]
    items = 2 * city.first.prices[0] + city.first.prices[11]
    quote = {
        name: sum_["minorUnits"] for name, sum_ in cart["totals"].items() if isinstance(sum_, dict)
    }
    assert quote["subtotal"] == items
    assert quote["deliveryFee"] == 199
    assert quote["total"] == items + quote["deliveryFee"] + quote["smallOrderFee"]
    assert cart["totals"]["minimumReached"]
    assert cart["readyForCheckout"]
    assert [one["substitutionPreference"] for one in cart["lines"]] == ["ASK_ME", "REFUND"]
    again = (await set_lines(ask, city, buyer, line(city, 0, 0))).data["cartLinesSet"]["cart"]
    assert [one["product"]["name"] for one in again["lines"]] == [city.products[11].name]
    assert again["version"] == cart["version"] + 1


async def test_every_invalid_line_is_reported_and_nothing_is_written(
    ask: GraphRunner, city: City, buyer: Actor, database: Database
) -> None:
    far = {"latitude": 0, "longitude": 0}
    one = line(city, 0, 1)
    cases: list[tuple[dict[str, Any], list[str]]] = [
        ({"lines": [line(city, 0, -1), line(city, 1, 100)]}, ["QuantityOutOfRange"] * 2),
        ({"lines": [one, one]}, ["InvalidInput"]),
        ({"lines": [one] * 1000}, ["LineLimit"]),
        ({"lines": [{"productId": "nonsense", "quantity": 1}]}, ["NotFound"]),
        (
            {"lines": [{"productId": public_id(city.second.products[0]), "quantity": 1}]},
            ["NotFound"],
        ),
        ({"lines": [one], "location": far}, ["NotServiceable"]),
        ({"lines": [one], "location": {"latitude": 91, "longitude": 200}}, ["InvalidInput"] * 2),
        ({"lines": [one], "companyId": public_id(city.second.company)}, ["NotServiceable"]),
        ({"lines": [one], "expectedVersion": 7}, ["VersionConflict"]),
    ]
    for change, expected in cases:
        answer = await ask(SET, {"input": {"location": city.point, **change}}, buyer)
        assert not answer.errors
        assert error_types(answer) == expected, change
        assert answer.data["cartLinesSet"]["cart"] is None
    async with database.read(PLATFORM) as session:
        count = select(func.count()).select_from(Cart).where(Cart.person_id == buyer.person_id)
        assert await session.scalar(count) == 0


async def test_a_quantity_beyond_32_bits_is_invalid(
    ask: GraphRunner, city: City, buyer: Actor
) -> None:
    variables = {"input": {"location": city.point, "lines": [line(city, 0, 2**40)]}}
    answer = await ask(SET, variables, buyer)
    assert answer.codes == ["BAD_USER_INPUT"]


async def test_two_devices_do_not_overwrite_each_others_lines(
    ask: GraphRunner, city: City, buyer: Actor
) -> None:
    await asyncio.gather(*(set_lines(ask, city, buyer, line(city, n, 1)) for n in range(8)))
    answer = await set_lines(ask, city, buyer, line(city, 8, 1))
    cart = answer.data["cartLinesSet"]["cart"]
    assert (len(cart["lines"]), cart["version"]) == (9, 9)
    stale = await set_lines(ask, city, buyer, line(city, 0, 5), expectedVersion=8)
    assert stale.data["cartLinesSet"]["errors"][0]["currentVersion"] == 9
    fresh = await set_lines(ask, city, buyer, line(city, 0, 5), expectedVersion=9)
    assert not error_types(fresh)


async def test_lines_show_why_they_cannot_be_ordered(
    ask: GraphRunner, city: City, buyer: Actor, database: Database
) -> None:
    async with database.write(PLATFORM, AuditContext("test")) as session:
        for index, units in ((0, 0), (1, 2)):
            row = await session.get(StockLevel, (city.near.id, city.products[index].id))
            assert row is not None
            row.on_hand = units
    answer = await set_lines(ask, city, buyer, *(line(city, index, 3) for index in range(3)))
    cart = answer.data["cartLinesSet"]["cart"]
    problems = [(one["issue"], one["orderableQuantity"]) for one in cart["lines"]]
    assert sorted(problems, key=str) == sorted(
        [("OUT_OF_STOCK", 0), ("INSUFFICIENT_STOCK", 2), (None, 3)], key=str
    )
    assert not cart["readyForCheckout"]


async def test_only_customers_have_carts(ask: GraphRunner, city: City, staff: Actor) -> None:
    variables = {"input": {"location": city.point, "lines": [line(city, 0, 1)]}}
    assert (await ask(SET, variables, staff)).codes == ["FORBIDDEN"]
    assert (await ask(SET, variables)).codes == ["UNAUTHENTICATED"]


async def test_a_repeated_request_with_its_key_changes_the_cart_once(
    ask: GraphRunner, city: City, buyer: Actor
) -> None:
    variables = {"input": {"location": city.point, "lines": [line(city, 0, 1)]}}
    key = uuid4().hex
    answers = [await ask(SET, variables, buyer, idempotency_key=key) for _ in range(3)]
    versions = {answer.data["cartLinesSet"]["cart"]["version"] for answer in answers}
    assert versions == {1}
    assert "replayed" in answers[-1].extensions


async def test_another_persons_cart_is_not_visible(
    ask: GraphRunner, city: City, buyer: Actor, database: Database
) -> None:
    await set_lines(ask, city, buyer, line(city, 0, 1))
    [other] = await create_people(database)
    query = (
        "query($location: GeoPointInput!) { storefront(location: $location) { cart { id"
        " lines { quantity } } } }"
    )
    answer = await ask(query, {"location": city.point}, other)
    assert answer.data["storefront"]["cart"] == {"id": None, "lines": []}


async def test_a_guests_cart_is_merged_into_the_account(
    ask: GraphRunner, city: City, buyer: Actor, database: Database
) -> None:
    [guest] = await create_people(database)
    await set_lines(
        ask, city, guest, line(city, 0, 5), line(city, 1, 1, substitutionPreference="ASK_ME")
    )
    await set_lines(ask, city, buyer, line(city, 0, 2), line(city, 2, 1))
    assert guest.person_id
    assert buyer.person_id
    async with database.write(PLATFORM, AuditContext("test")) as session:
        await carts.merge_carts(session, guest.person_id, buyer.person_id)
        await carts.merge_carts(session, guest.person_id, buyer.person_id)
    async with database.read(buyer.scope()) as session:
        _, lines = await carts.load_contents(session, buyer.person_id, city.company.id)
        lines_by_product = {one.product_id: (one.quantity, one.substitution) for one in lines}
    assert lines_by_product == {
        city.products[0].id: (5, SubstitutionPreference.REFUND),
        city.products[1].id: (1, SubstitutionPreference.ASK_ME),
        city.products[2].id: (1, SubstitutionPreference.REFUND),
    }
    async with database.read(PLATFORM) as session:
        count = select(func.count()).where(CartLine.person_id == guest.person_id)
        assert await session.scalar(count) == 0


async def merge(database: Database, guest: Actor, buyer: Actor) -> None:
    assert guest.person_id
    assert buyer.person_id
    async with database.write(PLATFORM, AuditContext("test")) as session:
        await carts.merge_carts(session, guest.person_id, buyer.person_id)


async def load_lines(database: Database, city: City, actor: Actor) -> list[CartLine]:
    assert actor.person_id
    async with database.read(actor.scope()) as session:
        _, lines = await carts.load_contents(session, actor.person_id, city.company.id)
    return lines


async def test_the_lines_of_a_guest_stand_behind_those_of_the_account_in_their_order(
    ask: GraphRunner, city: City, buyer: Actor, database: Database
) -> None:
    """All of them got the same time, so they were sorted by the ids of their products."""
    [guest] = await create_people(database)
    order = [7, 3, 9, 1, 8, 2]
    for index in order:
        await set_lines(ask, city, guest, line(city, index, 1))
    await set_lines(ask, city, buyer, line(city, 5, 1), line(city, 4, 1))
    await merge(database, guest, buyer)
    merged = [each.product_id for each in await load_lines(database, city, buyer)]
    assert merged == [city.products[index].id for index in [5, 4, *order]]


async def test_of_two_wishes_for_a_substitution_the_later_one_is_kept(
    ask: GraphRunner, city: City, buyer: Actor, database: Database
) -> None:
    """The guest's wish was dropped; a line that never had one has no say."""
    [guest] = await create_people(database)
    await set_lines(ask, city, guest, line(city, 0, 1, substitutionPreference="REPLACE_SIMILAR"))
    await set_lines(ask, city, buyer, line(city, 0, 1, substitutionPreference="REFUND"))
    await set_lines(
        ask, city, buyer, line(city, 1, 1, substitutionPreference="ASK_ME"), line(city, 2, 1)
    )
    await set_lines(
        ask,
        city,
        guest,
        line(city, 1, 1, substitutionPreference="REPLACE_SIMILAR"),
        line(city, 2, 1, substitutionPreference="ASK_ME"),
    )
    await set_lines(ask, city, guest, line(city, 1, 2))
    await merge(database, guest, buyer)
    wishes = [each.substitution for each in await load_lines(database, city, buyer)]
    later = [
        SubstitutionPreference.REFUND,
        SubstitutionPreference.REPLACE_SIMILAR,
        SubstitutionPreference.ASK_ME,
    ]
    assert wishes == later


async def test_no_line_of_a_guest_is_lost_beyond_the_limit_of_a_cart(
    ask: GraphRunner, city: City, buyer: Actor, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 120 lines 20 vanished without an error. Now they stay, and can only be removed."""
    monkeypatch.setattr(carts, "MAX_CART_LINES", 3)
    monkeypatch.setattr(carts, "MAX_MERGED_LINES", 6)
    [guest] = await create_people(database)
    await set_lines(ask, city, guest, *[line(city, index, 1) for index in (3, 4, 5)])
    await set_lines(ask, city, buyer, *[line(city, index, 1) for index in (0, 1)])
    await merge(database, guest, buyer)
    assert len(await load_lines(database, city, buyer)) == 5
    assert error_types(await set_lines(ask, city, buyer, line(city, 6, 1))) == ["LineLimit"]
    answer = await set_lines(ask, city, buyer, line(city, 3, 0))
    assert error_types(answer) == []
    assert not answer.data["cartLinesSet"]["cart"]["readyForCheckout"]
    placed = await ask(
        PLACE, {"input": {"destination": {"location": city.point}, "addressLine": "Rua 1"}}, buyer
    )
    [error] = placed.data["orderPlace"]["errors"]
    assert (error["__typename"], error["limit"]) == ("LineLimit", 3)
    answer = await set_lines(ask, city, buyer, line(city, 4, 0))
    assert answer.data["cartLinesSet"]["cart"]["readyForCheckout"]
