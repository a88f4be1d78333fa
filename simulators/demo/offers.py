"""How a rider of the demo gets the ride of one order."""

import asyncio
from typing import Any

from simulators.demo.checks import UnexpectedResult
from simulators.parts.picker import PickerClient
from simulators.parts.rider import RiderClient

OFFER_SECONDS = 20.0


async def accept_ride(
    rider: RiderClient, picker: PickerClient, order_code: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Accept offers until it is this order's; the others go back to the search.

    An offer does not say for which order it is. Returns the offer and the ride; raises
    UnexpectedResult when it does not come.
    """
    try:
        async with asyncio.timeout(OFFER_SECONDS):
            async for message in rider.offers():
                offer = message["deliveryOffer"]
                if not offer or offer["status"] != "OFFERED":
                    continue
                ride = await rider.accept(offer["id"])
                if ride["orderCode"] == order_code:
                    return offer, ride
                await picker.unassign(ride["id"])
    except TimeoutError:
        pass
    raise UnexpectedResult(f"no rider was asked to bring {order_code}")
