"""Deliveries that fail at the door: other attempts, other riders, and the way back."""

from tests.support import riders
from tests.support.graph_queries import public_id
from tests.support.operations.daily_work import begin_shift, pick_and_pack
from tests.support.operations.player import OperationPlayer

OVERRIDE = {"reason": "RIDER_UNREACHABLE", "note": "The phone is off."}


async def deliver_to_door(play: OperationPlayer) -> dict[str, str]:
    """Bring an order to the customer's door; return the key of its delivery."""
    await begin_shift(play)
    for offer in (await play("rider", "rider_desk"))["rider"]["offers"]:  # of earlier orders
        await play("rider", "delivery_offer_decline", deliveryOfferId=offer["id"])
    order = await play.order(wanted=[{"productId": play.product(6), "quantity": 3}])
    detail = await play("buyer", "order_detail", id=order)
    here = {"deliveryId": (await pick_and_pack(play, detail["code"]))["id"]}
    await play("rider", "delivery_arrive_at_store", **here)
    await play("picker", "delivery_pick_up", **here, handoverCode=None)
    await play("rider", "delivery_arrive_at_customer", **here)
    return here


async def return_delivery(play: OperationPlayer) -> None:
    """Fail deliveries as rider and support, and return the bags as staff, rider and support."""
    for teller, bringer in (("rider", "picker"), ("agent", "rider"), ("rider", "agent")):
        here = await deliver_to_door(play)
        override = OVERRIDE if teller == "agent" else None
        await play(teller, "delivery_fail", **here, override=override)
        assert (await play("picker", "store_deliveries", storeId=play.store))["nodes"]
        shown = await play("picker", "delivery_return_code", id=here["deliveryId"])
        code = shown["returnCode"] if bringer == "rider" else None
        override = OVERRIDE if bringer == "agent" else None
        await play(bringer, "delivery_return", **here, returnCode=code, override=override)


async def try_again(play: OperationPlayer) -> None:
    """Fail at the door, try once more or turn back, and let support and the store help."""
    database = play.container.database
    nobody_home = {"reason": "RECIPIENT_UNAVAILABLE", "callAttemptCount": 2}
    await riders.bring_online(database, play.city, 1)
    for who, helper in (("rider", "agent"), ("agent", "manager")):
        override = OVERRIDE if who == "agent" else None
        for step in ("delivery_attempt_again", "delivery_start_return"):
            here = await deliver_to_door(play)
            await riders.backdate_arrivals(database, play.city)
            await play("rider", "delivery_fail", **here, **nobody_home)
            await play(who, step, **here, override=override)
            if step == "delivery_start_return":
                other = public_id(play.city.riders[1])
                await play(helper, "delivery_reassign", **here, riderId=other)
            elif helper == "manager":
                unsafe = {"reason": "UNSAFE_LOCATION", "note": "A dog runs free."}
                await play(who, "delivery_fail", **here, **unsafe, override=override)
            await play(helper, "delivery_complete", **here, deliveryPin=None, override=OVERRIDE)
    assert (await play("agent", "store_deliveries", storeId=play.store))["pageInfo"]
    await riders.end_shift(database, play.city, 1)
