"""Goods that change stores, shelves that are counted, and files of stock."""

from typing import Any

from database.scope import PLATFORM
from database.sessions import Origin
from models.ids import encode
from models.imports import StockUpload
from tests.support.graph_queries import id_of
from tests.support.operations.player import Play


async def moving_goods(play: Play) -> None:
    """A transfer from the near store to the next, and two that come to nothing."""
    ends = {"sourceId": play.store, "destinationId": id_of(play.city.next)}
    lines = [{"productId": play.product(n), "quantity": 2} for n in range(3)]
    going = []
    for _ in range(3):
        made = await play("picker", "transfer_request", lines=lines, **ends)
        going.append({"transferId": made["transfer"]["id"]})
    sent, unwanted, refused = going
    await play("manager", "transfer_reject", **refused)
    await play("manager", "transfer_cancel", **unwanted)
    await play("manager", "transfer_approve", **sent)
    await play("picker", "transfer_pick", **sent)
    await play("picker", "transfer_ship", **sent)
    await play("owner", "transfer_receive", **sent)
    detail = await play("picker", "transfer_detail", id=sent["transferId"])
    assert [line["received"] for line in detail["lines"]] == [2, 2, 2]
    listed = await play("picker", "transfer_list", storeId=play.store)
    assert len(listed["nodes"]) == 3


async def counting_shelves(play: Play) -> None:
    """A count that is given up, one that is counted twice, and shelves set by hand."""
    product = play.product(0)
    made = await play("picker", "stock_count_start", storeId=play.store, productIds=[product])
    count = {"countId": made["count"]["id"]}
    await play("picker", "stock_count_line_set", productId=product, **count)
    more = [play.product(1), play.product(2)]
    other = await play("picker", "stock_count_start", storeId=play.store, productIds=more)
    await play("manager", "stock_count_cancel", countId=other["count"]["id"])
    await play("picker", "stock_count_submit", **count)
    await play("manager", "stock_count_reject", **count)
    await play("picker", "stock_count_line_set", productId=product, **count)
    await play("picker", "stock_count_submit", **count)
    assert (await play("manager", "stock_count_lines", **count))["nodes"][0]["history"]
    await play("manager", "stock_count_approve", **count)
    detail = await play("picker", "stock_count_detail", id=count["countId"])
    assert detail["tally"]["variance"]
    assert (await play("picker", "stock_count_list", storeId=play.store))["nodes"]
    lines = [{"productId": play.product(n), "quantity": 48} for n in range(3, 6)]
    done = await play("picker", "stock_set_many", storeId=play.store, lines=lines)
    assert done["stockSet"]["applied"] + done["stockSet"]["unchanged"] == 3


async def importing_a_file(play: Play) -> None:
    """A file that was sent, from its start to its bad rows."""
    for who in ("manager", "owner"):
        upload = await _sent(play, who)
        assert [one["id"] for one in await play(who, "stock_uploads")] == [upload]
        given: Any = {"companyId": play.company, "uploadId": upload}
        made = await play(who, "stock_import_start", **given)
        key = made["stockImport"]["id"]
        assert (await play.watch(who, "stock_import_changed", id=key))["stockImport"]
        await play(who, "stock_import_detail", id=key)
        assert (await play(who, "stock_import_list", companyId=play.company))["nodes"]
        await play(who, "stock_import_errors", importId=key)


async def _sent(play: Play, who: str) -> str:
    """The id of a file that this person has sent."""
    row = StockUpload(person_id=play.cast[who].id, size_bytes=30, head="store,product,quantity\n")
    async with play.house.database.write(PLATFORM, Origin("test:upload")) as session:
        session.add(row)
    return encode(StockUpload, row.id)
