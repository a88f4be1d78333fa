"""The stock of all stores together, for those who run the company."""

from typing import Any

from database.scope import PLATFORM
from database.sessions import Database, Origin
from models.identity import Actor, Grant, Role
from models.stock import StockReason
from services.stock import movements, receiving
from services.stock.receiving import Received
from tests.support.city import City
from tests.support.customers import people
from tests.support.graph_queries import Asking, id_of, operation, statements

LIST = operation("company_stock")


async def test_totals_are_the_sums_of_the_shelves(
    ask: Asking, city: City, owner: Actor, database: Database
) -> None:
    where: Any = {"company_id": city.company.id, "store_id": city.near.id}
    async with database.write(PLATFORM, Origin("test")) as session:
        await receiving.receive(
            session, **where, lines=[Received(city.products[0].id, 5, damaged=2)],
            reason=StockReason.RECEIPT, reference="", actor_id=None,
        )  # fmt: skip
        await movements.expect(session, **where, lines={city.products[0].id: 12})
    here = {"companyId": id_of(city.company), "search": city.products[0].name}
    [row] = (await ask(LIST, here, owner)).data["companyStock"]["nodes"]
    totals = ("onHand", "held", "available", "incoming", "damaged")
    assert [row[name] for name in totals] == [155, 0, 155, 12, 2]
    assert sorted(one["onHand"] for one in row["shelves"]) == [50, 50, 55]
    assert row["product"]["name"] == city.products[0].name


async def test_pages_cost_the_same_for_few_and_many(
    ask: Asking, city: City, owner: Actor, database: Database
) -> None:
    here = {"companyId": id_of(city.company)}
    counts, pages = [], []
    for document in (LIST, LIST.replace("first: 20", "first: 5")):
        with statements(database) as sent:
            told = (await ask(document, here, owner)).data["companyStock"]
        counts.append(len(sent))
        pages.append(told)
    assert counts[0] == counts[1]
    told = pages[-1]
    seen = [one["productId"] for one in told["nodes"]]
    after = {**here, "after": told["pageInfo"]["endCursor"]}
    rest = (await ask(LIST, after, owner)).data["companyStock"]["nodes"]
    seen += [one["productId"] for one in rest]
    assert sorted(seen) == sorted(id_of(one) for one in city.products)


async def test_only_those_who_run_a_company_see_it_as_a_whole(
    ask: Asking, city: City, manager: Actor, stranger: Actor, owner: Actor
) -> None:
    here = {"companyId": id_of(city.company)}
    assert (await ask(LIST, here, manager)).codes == ["FORBIDDEN"]
    assert (await ask(LIST, here, stranger)).codes == ["NOT_FOUND"]
    assert (await ask(LIST, {}, owner)).codes == ["INVALID_INPUT"]
    [boss] = await people(ask.database, 1, Grant(Role.SUPER_ADMIN))
    everything = (await ask(LIST, {"search": "P001"}, boss)).data["companyStock"]["nodes"]
    assert len({one["productId"] for one in everything}) == min(len(everything), 20) >= 2
    for shop in (city.first, city.second):
        where = {"companyId": id_of(shop.company), "search": "P001"}
        [found] = (await ask(LIST, where, boss)).data["companyStock"]["nodes"]
        assert found["productId"] == id_of(shop.products[0])
    assert (await ask(LIST, {**here, "search": "a\0"}, owner)).codes == ["INVALID_INPUT"]
