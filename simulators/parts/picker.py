"""The store's app: watches the queue, accepts, picks line by line, packs."""

from collections.abc import AsyncIterator
from typing import Any

from simulators.parts.device import RoleClient

QUEUE = """
query Queue($storeId: ID!) {
  storeQueue(storeId: $storeId, first: 50) {
    nodes { id status orderCode lines { id name quantity averageWeightGrams product { sku } } }
  }
}
"""
WATCH = """
subscription WatchQueue($storeId: ID!, $after: String) {
  storeQueueChanged(storeId: $storeId, after: $after) {
    kind
    cursor
    fulfillment { id status orderCode }
  }
}
"""
ACCEPT = """
mutation Accept($input: FulfillmentAcceptInput!) {
  fulfillmentAccept(input: $input) {
    fulfillment { id status lines { id name quantity averageWeightGrams product { sku } } }
    errors { __typename ... on Problem { message } }
  }
}
"""
PICK = """
mutation PickLine($input: FulfillmentLinePickInput!) {
  fulfillmentLinePick(input: $input) {
    fulfillment { id status }
    errors { __typename ... on Problem { message } }
  }
}
"""
PACK = """
mutation Pack($input: FulfillmentPackInput!) {
  fulfillmentPack(input: $input) {
    fulfillment { id status orderCode bagCount handoverCode }
    errors { __typename ... on Problem { message } }
  }
}
"""
STAGE = """
mutation Stage($input: FulfillmentStageInput!) {
  fulfillmentStage(input: $input) {
    fulfillment { id status nextStepDueAt }
    errors { __typename ... on Problem { message } }
  }
}
"""
GIVE_BACK = """
mutation GiveBack($input: FulfillmentGiveBackInput!) {
  fulfillmentGiveBack(input: $input) {
    fulfillment { id status }
    errors { __typename ... on Problem { message } }
  }
}
"""
REJECT = """
mutation Reject($input: FulfillmentRejectInput!) {
  fulfillmentReject(input: $input) {
    fulfillment { id status rejectReason }
    errors { __typename ... on Problem { message } }
  }
}
"""
COLLECT = """
mutation Collect($input: FulfillmentCollectInput!) {
  fulfillmentCollect(input: $input) {
    fulfillment { id status }
    errors { __typename ... on Problem { message } }
  }
}
"""
PUT_BACKS = """
query PutBacks($storeId: ID!) {
  storePutBacks(storeId: $storeId, first: 50) {
    nodes { id status orderCode putBackReason putBackLines { id name quantity } }
  }
}
"""
PUT_BACK = """
mutation PutBack($input: FulfillmentPutBackInput!) {
  fulfillmentPutBack(input: $input) {
    fulfillment { id status }
    errors { __typename ... on Problem { message } }
  }
}
"""
STOCK = """
query Stock($storeId: ID!, $search: String!) {
  storeStock(storeId: $storeId, first: 20, search: $search) {
    nodes { product { sku } onHand reserved available unsellable }
  }
}
"""
RECIPIENT = "query Recipient($id: ID!) { order(id: $id) { id customerName addressLine } }"
RETURN_CODE = "query ReturnCode($id: ID!) { delivery(id: $id) { id status returnCode } }"

UNASSIGN = """
mutation Unassign($input: DeliveryUnassignInput!) {
  deliveryUnassign(input: $input) {
    delivery { id status }
    errors { __typename ... on Problem { message } }
  }
}
"""


class PickerClient(RoleClient):
    """A picker of one store."""

    store_id: str

    async def queue(self) -> list[Any]:
        """Query the queue of the store."""
        data = await self.graph.run(QUEUE, storeId=self.store_id)
        return list(data["storeQueue"]["nodes"])

    async def watch(self, after: str | None = None) -> AsyncIterator[Any]:
        """Subscribe to changes of the queue."""
        async for data in self.graph.watch(WATCH, storeId=self.store_id, after=after):
            yield data["storeQueueChanged"]

    async def accept(self, fulfillment_id: str) -> Any:
        given = {"fulfillmentId": fulfillment_id}
        return (await self.do(ACCEPT, "fulfillmentAccept", given))["fulfillment"]

    async def pick(
        self, fulfillment_id: str, line: dict[str, Any], found: int, share: float = 1.0
    ) -> Any:
        """Scan a line's product and report how many were found.

        What is sold by weight is put on the scale, which shows this share of the estimate.
        """
        grams = (
            round(found * line["averageWeightGrams"] * share)
            if found and line["averageWeightGrams"]
            else None
        )
        what = {"lineId": line["id"], "quantity": found, "weightGrams": grams}
        given = {"fulfillmentId": fulfillment_id, **what}
        return (await self.do(PICK, "fulfillmentLinePick", given))["fulfillment"]

    async def pack(self, fulfillment_id: str, bags: int = 1) -> Any:
        """Close the bags; answers the handover code among the rest."""
        given = {"fulfillmentId": fulfillment_id, "bagCount": bags}
        return (await self.do(PACK, "fulfillmentPack", given))["fulfillment"]

    async def unassign(self, delivery_id: str) -> None:
        """Take a ride from a rider, so that another one is asked."""
        await self.do(UNASSIGN, "deliveryUnassign", {"deliveryId": delivery_id})

    async def stage(self, fulfillment_id: str) -> Any:
        """Put the bags at the pickup point, where riders or the customer fetch them."""
        given = {"fulfillmentId": fulfillment_id}
        return (await self.do(STAGE, "fulfillmentStage", given))["fulfillment"]

    async def give_back(self, fulfillment_id: str) -> Any:
        """Return a task to the queue."""
        given = {"fulfillmentId": fulfillment_id}
        return (await self.do(GIVE_BACK, "fulfillmentGiveBack", given))["fulfillment"]

    async def reject(self, fulfillment_id: str, reason: str, missing: list[str]) -> Any:
        """Reject an order; with OUT_OF_STOCK, `missing` are the lines that were not found."""
        given = {"fulfillmentId": fulfillment_id, "reason": reason, "missingLineIds": missing}
        return (await self.do(REJECT, "fulfillmentReject", given))["fulfillment"]

    async def collect(self, fulfillment_id: str, code: str) -> Any:
        """Hand the bags to the customer who tells this code."""
        given = {"fulfillmentId": fulfillment_id, "code": code}
        return (await self.do(COLLECT, "fulfillmentCollect", given))["fulfillment"]

    async def put_backs(self) -> list[Any]:
        """Query the ended tasks whose units wait to be put back."""
        data = await self.graph.run(PUT_BACKS, storeId=self.store_id)
        return list(data["storePutBacks"]["nodes"])

    async def put_back(self, task: dict[str, Any], wasted: int = 0) -> Any:
        """Count the units of a task; so many units of its first line can't be sold again."""
        lines = []
        for line in task["putBackLines"]:
            waste = min(wasted, line["quantity"])
            wasted = 0
            counts = {"returnedQuantity": line["quantity"] - waste, "wastedQuantity": waste}
            reason = "DAMAGED" if waste else None
            lines.append({"lineId": line["id"], **counts, "wasteReason": reason})
        given = {"fulfillmentId": task["id"], "lines": lines}
        return (await self.do(PUT_BACK, "fulfillmentPutBack", given))["fulfillment"]

    async def stock(self, code: str) -> Any:
        """Query the units of the product with this code."""
        data = await self.graph.run(STOCK, storeId=self.store_id, search=code)
        return next(one for one in data["storeStock"]["nodes"] if one["product"]["sku"] == code)

    async def recipient(self, order_id: str) -> Any:
        """Query for whom an order is."""
        return (await self.graph.run(RECIPIENT, id=order_id))["order"]

    async def return_code(self, delivery_id: str) -> str:
        """Query the code that a rider who brings bags back has to give."""
        data = await self.graph.run(RETURN_CODE, id=delivery_id)
        return str(data["delivery"]["returnCode"])
