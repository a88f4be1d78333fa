"""What a store's people do behind the shelves, beyond a day's ordinary work."""

from datetime import UTC, datetime, timedelta

from tests.support.operations.daily_work import begin_shift, picked
from tests.support.operations.player import Play


async def minding_batches(play: Play) -> None:
    """A batch that comes, is picked, expires soon, is partly thrown away, and recalled."""
    of_it = {"storeId": play.store, "productId": play.product(0)}
    soon = (datetime.now(UTC) + timedelta(days=2)).date().isoformat()
    await play("picker", "stock_adjust", **of_it, batchCode="L1", expiresOn=soon)
    detail = await play("buyer", "order_detail", id=await play.order())
    await begin_shift(play)
    await picked(play, detail["code"])
    [batch] = (await play("picker", "expiring_batches", storeId=play.store))["nodes"]
    assert (await play("picker", "markdown_candidates", storeId=play.store))["nodes"]
    await play("picker", "batch_waste", storeId=play.store, productId=None, batchId=batch["id"])
    assert len((await play("picker", "stock_ledger", **of_it))["nodes"]) > 3
    given = {"companyId": play.company, "productId": play.product(0), "batchCode": "L1"}
    made = (await play("owner", "batch_recall", **given))["recall"]
    assert [one["code"] for one in made["orders"]["nodes"]] == [detail["code"]]
    for who in ("picker", "agent", "owner"):
        assert (await play(who, "batch_recalls", companyId=play.company))["nodes"]
        seen = await play(who, "batch_recall_detail", id=made["id"])
        assert seen["orders"]["nodes"][0]["quantity"] == 2


async def looking_at_the_queues(play: Play) -> None:
    """What super admins see of the process."""
    desk = await play("admin", "operations_desk")
    queues = desk["queues"]
    assert [one["name"] for one in queues] == ["combiner", "positions"]
    assert queues[0]["requests"] >= queues[0]["batches"] >= 1
    done = {one["name"]: (one["orders"], one["units"]) for one in desk["holds"]}
    assert list(done) == ["hold", "extend", "claim", "release", "expire"]
    assert done["hold"] >= done["claim"] >= (1, 1)
