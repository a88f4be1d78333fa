import asyncio
from typing import Any
from uuid import uuid4

from sqlalchemy import func, select

from database.scope import PLATFORM
from database.sessions import Database, Origin
from models.carts import Cart, CartLine, Substitution
from models.identity import Actor
from models.stock import Stock
from services.carts import carts
from tests.support.city import City
from tests.support.customers import people
from tests.support.graph_queries import Asking, Told, id_of

SET = """
mutation Set($input: CartLinesSetInput!) {
  cartLinesSet(input: $input) {
    cart {
      id version orderable
      lines { quantity problem orderableQuantity substitution product { id name }
        unitPrice { minor } total { minor } }
      quote { items { minor } deliveryFee { minor } smallOrderFee { minor } discount { minor }
        tip { minor } taxIncluded { minor } total { minor currency } minimumReached
        missing { minor } }
    }
    errors {
      __typename
      ... on Problem { path message }
      ... on NotServiceable { reason distanceToNearestZoneM }
      ... on VersionConflict { current }
      ... on QuantityOutOfRange { most }
      ... on LineLimit { most }
    }
  }
}
"""


def line(city: City, index: int, quantity: int, **more: Any) -> dict[str, Any]:
    return {"productId": id_of(city.products[index]), "quantity": quantity, **more}


def kinds(told: Told) -> list[str]:
    return [error["__typename"] for error in told.data["cartLinesSet"]["errors"]]


async def put(ask: Asking, city: City, actor: Actor, *lines: Any, **more: Any) -> Told:
    told = await ask(SET, {"input": {"at": city.point, "lines": list(lines), **more}}, actor)
    assert not told.errors
    return told


async def test_a_cart_is_priced_by_the_server(ask: Asking, city: City, buyer: Actor) -> None:
    told = await put(ask, city, buyer, line(city, 0, 2, substitution="ASK_ME"), line(city, 11, 1))
    assert not kinds(told)
    cart = told.data["cartLinesSet"]["cart"]
    items = 2 * city.first.prices[0] + city.first.prices[11]
    quote = {name: sum_["minor"] for name, sum_ in cart["quote"].items() if isinstance(sum_, dict)}
    assert quote["items"] == items
    assert quote["deliveryFee"] == 199
    assert quote["total"] == items + quote["deliveryFee"] + quote["smallOrderFee"]
    assert cart["quote"]["minimumReached"]
    assert cart["orderable"]
    assert [one["substitution"] for one in cart["lines"]] == ["ASK_ME", "REFUND"]
    again = (await put(ask, city, buyer, line(city, 0, 0))).data["cartLinesSet"]["cart"]
    assert [one["product"]["name"] for one in again["lines"]] == [city.products[11].name]
    assert again["version"] == cart["version"] + 1


async def test_every_bad_line_is_named_and_nothing_is_written(
    ask: Asking, city: City, buyer: Actor, database: Database
) -> None:
    far = {"latitude": 0, "longitude": 0}
    one = line(city, 0, 1)
    cases: list[tuple[dict[str, Any], list[str]]] = [
        ({"lines": [line(city, 0, -1), line(city, 1, 100)]}, ["QuantityOutOfRange"] * 2),
        ({"lines": [one, one]}, ["InvalidInput"]),
        ({"lines": [one] * 1000}, ["LineLimit"]),
        ({"lines": [{"productId": "nonsense", "quantity": 1}]}, ["NotFound"]),
        ({"lines": [{"productId": id_of(city.second.products[0]), "quantity": 1}]}, ["NotFound"]),
        ({"lines": [one], "at": far}, ["NotServiceable"]),
        ({"lines": [one], "at": {"latitude": 91, "longitude": 200}}, ["InvalidInput"] * 2),
        ({"lines": [one], "companyId": id_of(city.second.company)}, ["NotServiceable"]),
        ({"lines": [one], "expectedVersion": 7}, ["VersionConflict"]),
    ]
    for given, expected in cases:
        told = await ask(SET, {"input": {"at": city.point, **given}}, buyer)
        assert not told.errors
        assert kinds(told) == expected, given
        assert told.data["cartLinesSet"]["cart"] is None
    async with database.read(PLATFORM) as session:
        found = select(func.count()).select_from(Cart).where(Cart.person_id == buyer.person_id)
        assert await session.scalar(found) == 0


async def test_a_quantity_beyond_32_bits_is_a_clear_error(
    ask: Asking, city: City, buyer: Actor
) -> None:
    given = {"input": {"at": city.point, "lines": [line(city, 0, 2**40)]}}
    told = await ask(SET, given, buyer)
    assert told.codes == ["BAD_USER_INPUT"]


async def test_two_devices_never_lose_each_others_lines(
    ask: Asking, city: City, buyer: Actor
) -> None:
    await asyncio.gather(*(put(ask, city, buyer, line(city, n, 1)) for n in range(8)))
    told = await put(ask, city, buyer, line(city, 8, 1))
    cart = told.data["cartLinesSet"]["cart"]
    assert (len(cart["lines"]), cart["version"]) == (9, 9)
    stale = await put(ask, city, buyer, line(city, 0, 5), expectedVersion=8)
    assert stale.data["cartLinesSet"]["errors"][0]["current"] == 9
    fresh = await put(ask, city, buyer, line(city, 0, 5), expectedVersion=9)
    assert not kinds(fresh)


async def test_lines_say_what_can_not_be_ordered(
    ask: Asking, city: City, buyer: Actor, database: Database
) -> None:
    async with database.write(PLATFORM, Origin("test")) as session:
        for index, left in ((0, 0), (1, 2)):
            row = await session.get(Stock, (city.near.id, city.products[index].id))
            assert row is not None
            row.on_hand = left
    told = await put(ask, city, buyer, *(line(city, index, 3) for index in range(3)))
    cart = told.data["cartLinesSet"]["cart"]
    shown = [(one["problem"], one["orderableQuantity"]) for one in cart["lines"]]
    assert sorted(shown, key=str) == sorted(
        [("OUT_OF_STOCK", 0), ("NOT_ENOUGH", 2), (None, 3)], key=str
    )
    assert not cart["orderable"]


async def test_only_customers_have_carts(ask: Asking, city: City, staff: Actor) -> None:
    given = {"input": {"at": city.point, "lines": [line(city, 0, 1)]}}
    assert (await ask(SET, given, staff)).codes == ["FORBIDDEN"]
    assert (await ask(SET, given)).codes == ["UNAUTHENTICATED"]


async def test_a_repeated_request_with_its_key_changes_the_cart_once(
    ask: Asking, city: City, buyer: Actor
) -> None:
    given = {"input": {"at": city.point, "lines": [line(city, 0, 1)]}}
    key = uuid4().hex
    answers = [await ask(SET, given, buyer, idempotency_key=key) for _ in range(3)]
    versions = {told.data["cartLinesSet"]["cart"]["version"] for told in answers}
    assert versions == {1}
    assert "replayed" in answers[-1].extensions


async def test_nobody_sees_the_cart_of_another(
    ask: Asking, city: City, buyer: Actor, database: Database
) -> None:
    await put(ask, city, buyer, line(city, 0, 1))
    [other] = await people(database)
    query = "query($at: GeoPointInput!) { storefront(at: $at) { cart { id lines { quantity } } } }"
    told = await ask(query, {"at": city.point}, other)
    assert told.data["storefront"]["cart"] == {"id": None, "lines": []}


async def test_a_guests_cart_is_merged_into_the_account(
    ask: Asking, city: City, buyer: Actor, database: Database
) -> None:
    [guest] = await people(database)
    await put(ask, city, guest, line(city, 0, 5), line(city, 1, 1, substitution="ASK_ME"))
    await put(ask, city, buyer, line(city, 0, 2), line(city, 2, 1))
    assert guest.person_id
    assert buyer.person_id
    async with database.write(PLATFORM, Origin("test")) as session:
        await carts.merge(session, guest.person_id, buyer.person_id)
        await carts.merge(session, guest.person_id, buyer.person_id)
    async with database.read(buyer.scope()) as session:
        _, lines = await carts.contents(session, buyer.person_id, city.company.id)
        kept = {one.product_id: (one.quantity, one.substitution) for one in lines}
    assert kept == {
        city.products[0].id: (5, Substitution.REFUND),
        city.products[1].id: (1, Substitution.ASK_ME),
        city.products[2].id: (1, Substitution.REFUND),
    }
    async with database.read(PLATFORM) as session:
        left = select(func.count()).where(CartLine.person_id == guest.person_id)
        assert await session.scalar(left) == 0
