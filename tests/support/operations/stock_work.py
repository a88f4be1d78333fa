"""Plays the operations of transfers, stock counts and stock imports."""

from typing import Any

from database.audit import AuditContext
from database.scope import PLATFORM
from models.ids import encode_id
from models.imports import StockImportFile
from tests.support.graph_queries import public_id
from tests.support.operations.player import OperationPlayer


async def play_transfers(play: OperationPlayer) -> None:
    """Complete a transfer from the near store to the next, and end two others early."""
    stores = {"sourceStoreId": play.store, "destinationStoreId": public_id(play.city.next)}
    lines = [{"productId": play.product(n), "quantity": 2} for n in range(3)]
    transfers = []
    for _ in range(3):
        answer = await play("picker", "transfer_request", lines=lines, **stores)
        transfers.append({"transferId": answer["transfer"]["id"]})
    sent, canceled, rejected = transfers
    await play("manager", "transfer_reject", **rejected)
    await play("manager", "transfer_cancel", **canceled)
    await play("manager", "transfer_approve", **sent)
    await play("picker", "transfer_start_picking", **sent)
    await play("picker", "transfer_ship", **sent)
    await play("owner", "transfer_receive", **sent)
    detail = await play("picker", "transfer_detail", id=sent["transferId"])
    assert [line["received"] for line in detail["lines"]] == [2, 2, 2]
    listed = await play("picker", "transfer_list", storeId=play.store)
    assert len(listed["nodes"]) == 3


async def play_stock_counts(play: OperationPlayer) -> None:
    """Cancel a count, count another twice until it is approved, and set stock in bulk."""
    product = play.product(0)
    answer = await play("picker", "stock_count_start", storeId=play.store, productIds=[product])
    count = {"stockCountId": answer["stockCount"]["id"]}
    await play("picker", "stock_count_line_set", product={"productId": product}, **count)
    more = [play.product(1), play.product(2)]
    other = await play("picker", "stock_count_start", storeId=play.store, productIds=more)
    await play("manager", "stock_count_cancel", stockCountId=other["stockCount"]["id"])
    await play("picker", "stock_count_submit", **count)
    await play("manager", "stock_count_reject", **count)
    await play("picker", "stock_count_line_set", product={"productId": product}, **count)
    await play("picker", "stock_count_submit", **count)
    assert (await play("manager", "stock_count_lines", **count))["nodes"][0]["history"]
    await play("manager", "stock_count_approve", **count)
    detail = await play("picker", "stock_count_detail", id=count["stockCountId"])
    assert detail["progress"]["variance"]
    assert (await play("picker", "stock_count_list", storeId=play.store))["nodes"]
    lines = [{"productId": play.product(n), "quantity": 48} for n in range(3, 6)]
    result = await play("picker", "stock_bulk_set", storeId=play.store, lines=lines)
    assert (
        result["stockBulkUpdate"]["appliedCount"] + result["stockBulkUpdate"]["unchangedCount"] == 3
    )


async def play_stock_imports(play: OperationPlayer) -> None:
    """Import an uploaded file, and read its invalid rows."""
    for who in ("manager", "owner"):
        upload = await _upload(play, who)
        assert [each["id"] for each in await play(who, "stock_import_files")] == [upload]
        start: Any = {"companyId": play.company, "stockImportFileId": upload}
        answer = await play(who, "stock_import_start", **start)
        key = answer["stockImport"]["id"]
        assert (await play.watch(who, "stock_import_changed", id=key))["stockImport"]
        await play(who, "stock_import_detail", id=key)
        assert (await play(who, "stock_import_list", companyId=play.company))["nodes"]
        await play(who, "stock_import_errors", importId=key)


async def _upload(play: OperationPlayer, who: str) -> str:
    """The id of a file that this person has uploaded."""
    row = StockImportFile(
        person_id=play.clients[who].id, size_bytes=30, head=b"store,product,quantity\n"
    )
    async with play.container.database.write(PLATFORM, AuditContext("test:upload")) as session:
        session.add(row)
    return encode_id(StockImportFile, row.id)
