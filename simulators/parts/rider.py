"""The rider's app: shift, position reports, offers, deliveries."""

from collections.abc import AsyncIterator
from typing import Any

from simulators.parts.device import RoleClient

ONLINE = """
mutation GoOnline($input: RiderGoOnlineInput!) {
  riderGoOnline(input: $input) {
    rider { id status }
    errors { __typename ... on Problem { message } }
  }
}
"""
OFFLINE = """
mutation GoOffline($input: RiderGoOfflineInput!) {
  riderGoOffline(input: $input) {
    rider { id status }
    errors { __typename ... on Problem { message } }
  }
}
"""
DESK = "query RiderDesk { viewer { rider { rider { id status } currentDelivery { id } } } }"
REPORT = """
mutation ReportLocation($input: RiderLocationReportInput!) {
  riderLocationReport(input: $input) {
    errors { __typename ... on Problem { message } }
  }
}
"""
OFFERS = """
subscription WatchOffers($after: String) {
  deliveryOffered(after: $after) {
    kind
    cursor
    deliveryOffer { id status expiresAt pickupDistanceMeters pickupEtaSeconds }
    delivery { id status }
  }
}
"""
ANSWER = """
mutation AcceptOffer($input: DeliveryOfferAcceptInput!) {
  deliveryOfferAccept(input: $input) {
    delivery {
      id
      status
      orderCode
      store { name location { latitude longitude } }
      dropoffLocation { latitude longitude }
    }
    errors { __typename ... on Problem { message } }
  }
}
"""
DECLINE = """
mutation DeclineOffer($input: DeliveryOfferDeclineInput!) {
  deliveryOfferDecline(input: $input) {
    deliveryOffer { id status }
    errors { __typename ... on Problem { message } }
  }
}
"""
STEP = """
mutation %(operation)s($input: %(operation)sInput!) {
  %(mutation)s(input: $input) {
    delivery { id status availableActions }
    errors { __typename ... on Problem { message } }
  }
}
"""


class RiderClient(RoleClient):
    """A rider."""

    async def go_online(self) -> None:
        await self.do(ONLINE, "riderGoOnline", {})

    async def desk(self) -> Any:
        """Query the shift and the current delivery."""
        return (await self.graph.run(DESK))["viewer"]["rider"]

    async def go_offline(self) -> None:
        await self.do(OFFLINE, "riderGoOffline", {})

    async def report(self, latitude: float, longitude: float) -> None:
        """Report a position in degrees."""
        given = {"latitude": latitude, "longitude": longitude}
        await self.do(REPORT, "riderLocationReport", given)

    async def offers(self, after: str | None = None) -> AsyncIterator[Any]:
        """Subscribe to offers and changes of the current delivery."""
        async for data in self.graph.watch(OFFERS, after=after):
            yield data["deliveryOffered"]

    async def accept(self, offer_id: str) -> Any:
        """Accept an offer; returns the delivery with its locations."""
        given = {"deliveryOfferId": offer_id}
        return (await self.do(ANSWER, "deliveryOfferAccept", given))["delivery"]

    async def decline(self, offer_id: str) -> None:
        """Decline an offer."""
        await self.do(DECLINE, "deliveryOfferDecline", {"deliveryOfferId": offer_id})

    async def arrive_at_store(self, delivery_id: str) -> Any:
        return await self._step("deliveryArriveAtStore", delivery_id)

    async def pick_up(self, delivery_id: str, handover_code: str) -> Any:
        return await self._step("deliveryPickUp", delivery_id, handoverCode=handover_code)

    async def arrive_at_customer(self, delivery_id: str) -> Any:
        """Report the arrival, and record an age check if one is needed."""
        delivery = await self.ring(delivery_id)
        if "CHECK_AGE" not in delivery["availableActions"]:
            return delivery
        return await self.check_age(delivery_id)

    async def ring(self, delivery_id: str) -> Any:
        """Stand at the door."""
        return await self._step("deliveryArriveAtCustomer", delivery_id)

    async def check_age(self, delivery_id: str, *, old_enough: bool = True) -> Any:
        """Say what the customer's document shows."""
        shown = {"document": "IDENTITY_CARD", "isOldEnough": old_enough}
        return await self._step("deliveryCheckAge", delivery_id, **shown)

    async def complete(self, delivery_id: str, pin: str) -> Any:
        return await self._step("deliveryComplete", delivery_id, deliveryPin=pin)

    async def fail(self, delivery_id: str, reason: str, calls: int = 0) -> Any:
        """Say that nobody takes the bags, after so many calls."""
        return await self._step("deliveryFail", delivery_id, reason=reason, callAttemptCount=calls)

    async def start_return(self, delivery_id: str) -> Any:
        return await self._step("deliveryStartReturn", delivery_id)

    async def bring_back(self, delivery_id: str, return_code: str) -> Any:
        return await self._step("deliveryReturn", delivery_id, returnCode=return_code)

    async def _step(self, mutation: str, delivery_id: str, **more: Any) -> Any:
        operation = mutation[0].upper() + mutation[1:]
        document = STEP % {"operation": operation, "mutation": mutation}
        payload = await self.do(document, mutation, {"deliveryId": delivery_id, **more})
        return payload["delivery"]
