"""Stock of a company over all its stores."""

from typing import Any

from database.audit import AuditContext
from database.scope import PLATFORM
from database.sessions import Database
from models.identity import Actor, Grant, Role
from models.stock import StockMovementReason
from services.stock import movements, receiving
from services.stock.receiving import StockReceiptLine
from tests.support.city import City
from tests.support.customers import create_people
from tests.support.graph_queries import GraphRunner, operation, public_id, record_statements

LIST = operation("company_stock")


async def test_totals_are_the_sums_of_all_stores(
    ask: GraphRunner, city: City, owner: Actor, database: Database
) -> None:
    stock: Any = {"company_id": city.company.id, "store_id": city.near.id}
    async with database.write(PLATFORM, AuditContext("test")) as session:
        await receiving.receive(
            session, **stock, lines=[StockReceiptLine(city.products[0].id, 5, damaged=2)],
            reason=StockMovementReason.RECEIPT, reference="", actor_id=None,
        )  # fmt: skip
        await movements.change_incoming(session, **stock, lines={city.products[0].id: 12})
    filters = {"companyId": public_id(city.company), "search": city.products[0].name}
    [row] = (await ask(LIST, filters, owner)).data["companyStock"]["nodes"]
    totals = ("onHand", "reserved", "available", "incoming", "unsellable")
    assert [row[name] for name in totals] == [155, 0, 155, 12, 2]
    assert sorted(level["onHand"] for level in row["stockLevels"]) == [50, 50, 55]
    assert row["product"]["name"] == city.products[0].name


async def test_a_page_costs_the_same_for_any_size(
    ask: GraphRunner, city: City, owner: Actor, database: Database
) -> None:
    filters = {"companyId": public_id(city.company)}
    counts, pages = [], []
    for document in (LIST, LIST.replace("first: 20", "first: 5")):
        with record_statements(database) as statements_sent:
            page = (await ask(document, filters, owner)).data["companyStock"]
        counts.append(len(statements_sent))
        pages.append(page)
    assert counts[0] == counts[1]
    page = pages[-1]
    product_ids = [node["productId"] for node in page["nodes"]]
    after = {**filters, "after": page["pageInfo"]["endCursor"]}
    second_page = (await ask(LIST, after, owner)).data["companyStock"]["nodes"]
    product_ids += [node["productId"] for node in second_page]
    assert sorted(product_ids) == sorted(public_id(product) for product in city.products)


async def test_only_company_admins_and_super_admins_see_company_stock(
    ask: GraphRunner, city: City, manager: Actor, stranger: Actor, owner: Actor
) -> None:
    filters = {"companyId": public_id(city.company)}
    assert (await ask(LIST, filters, manager)).codes == ["FORBIDDEN"]
    assert (await ask(LIST, filters, stranger)).codes == ["NOT_FOUND"]
    assert (await ask(LIST, {}, owner)).codes == ["INVALID_INPUT"]
    [super_admin] = await create_people(ask.database, 1, Grant(Role.SUPER_ADMIN))
    nodes = (await ask(LIST, {"search": "P001"}, super_admin)).data["companyStock"]["nodes"]
    assert len({node["productId"] for node in nodes}) == min(len(nodes), 20) >= 2
    for company in (city.first, city.second):
        search = {"companyId": public_id(company.company), "search": "P001"}
        [node] = (await ask(LIST, search, super_admin)).data["companyStock"]["nodes"]
        assert node["productId"] == public_id(company.products[0])
    assert (await ask(LIST, {**filters, "search": "a\x07"}, owner)).codes == ["INVALID_INPUT"]
