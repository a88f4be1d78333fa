"""Plays the operations of batches and of process statistics."""

from datetime import UTC, datetime, timedelta

from tests.support.operations.daily_work import begin_shift, pick_and_pack
from tests.support.operations.player import OperationPlayer


async def play_batches(play: OperationPlayer) -> None:
    """Receive a batch that expires soon, pick from it, write units off, and recall it."""
    product = {"storeId": play.store, "productId": play.product(0)}
    soon = (datetime.now(UTC) + timedelta(days=2)).date().isoformat()
    await play("picker", "stock_adjust", **product, batchCode="L1", sellByDate=soon)
    order = await play("buyer", "order_detail", id=await play.order())
    await begin_shift(play)
    await pick_and_pack(play, order["code"])
    [batch] = (await play("picker", "expiring_batches", storeId=play.store))["nodes"]
    assert (await play("picker", "markdown_candidates", storeId=play.store))["nodes"]
    await play("picker", "stock_write_off", storeId=play.store, goods={"batchId": batch["id"]})
    assert len((await play("picker", "stock_ledger", **product))["nodes"]) > 3
    batch_code = {"companyId": play.company, "productId": play.product(0), "batchCode": "L1"}
    recall = (await play("owner", "batch_recall_create", **batch_code))["batchRecall"]
    assert [each["code"] for each in recall["orders"]["nodes"]] == [order["code"]]
    for who in ("picker", "agent", "owner"):
        assert (await play(who, "batch_recalls", companyId=play.company))["nodes"]
        detail = await play(who, "batch_recall_detail", id=recall["id"])
        assert detail["orders"]["nodes"][0]["quantity"] == 2


async def play_process_stats(play: OperationPlayer) -> None:
    """Read the statistics of the process as a super admin."""
    stats = await play("admin", "operations_desk")
    queues = stats["queues"]
    assert [queue["name"] for queue in queues] == ["reservations", "positions"]
    assert queues[0]["requests"] >= queues[0]["batches"] >= 1
    counts = {each["name"]: (each["orders"], each["units"]) for each in stats["holds"]}
    assert list(counts) == ["hold", "extend", "claim", "release", "expire"]
    assert counts["hold"] >= counts["claim"] >= (1, 1)


async def play_product_codes(play: OperationPlayer) -> None:
    """Give a product barcodes, say how scales print their labels, and scan a code."""
    codes = ["5601312508007", "12345670"]
    changed = await play("owner", "product_barcodes_set", productId=play.product(6), barcodes=codes)
    assert changed["barcodes"] == codes
    await play("owner", "company_scale_labels_set", companyId=play.company)
    scanned = await play("picker", "scanned_product", storeId=play.store)
    assert (scanned["product"]["id"], scanned["batchCode"]) == (play.product(6), "L2210")
