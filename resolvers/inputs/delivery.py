from datetime import datetime

import strawberry

from models import FailReason

OFFER = "The offer: one of yours."
DELIVERY = "The delivery."
DEVICE_TIME = "When the device says it happened; kept beside the server's time."
HANDOVER = "The code that the store's staff tells; they need none when they say it themselves."


@strawberry.input(description="An offer that you take.")
class DeliveryOfferAcceptInput:
    offer_id: strawberry.ID = strawberry.field(description=OFFER)


@strawberry.input(description="An offer that you don't take.")
class DeliveryOfferDeclineInput:
    offer_id: strawberry.ID = strawberry.field(description=OFFER)


@strawberry.input(description="The store that you have reached.")
class DeliveryArriveAtStoreInput:
    delivery_id: strawberry.ID = strawberry.field(description=DELIVERY)
    device_time: datetime | None = strawberry.field(default=None, description=DEVICE_TIME)


@strawberry.input(description="The bags that you take, or hand to their rider.")
class DeliveryPickUpInput:
    delivery_id: strawberry.ID = strawberry.field(description=DELIVERY)
    handover_code: str | None = strawberry.field(default=None, description=HANDOVER)
    device_time: datetime | None = strawberry.field(default=None, description=DEVICE_TIME)


@strawberry.input(description="The door that you have reached.")
class DeliveryArriveAtCustomerInput:
    delivery_id: strawberry.ID = strawberry.field(description=DELIVERY)
    device_time: datetime | None = strawberry.field(default=None, description=DEVICE_TIME)


@strawberry.input(description="The bags that you hand over.")
class DeliveryCompleteInput:
    delivery_id: strawberry.ID = strawberry.field(description=DELIVERY)
    pin: str | None = strawberry.field(
        default=None, description="The customer's PIN; support, who has asked them, needs none."
    )
    device_time: datetime | None = strawberry.field(default=None, description=DEVICE_TIME)


@strawberry.input(description="Bags that nobody took at the door.")
class DeliveryFailInput:
    delivery_id: strawberry.ID = strawberry.field(description=DELIVERY)
    reason: FailReason = strawberry.field(description="Why they were not handed over.")
    device_time: datetime | None = strawberry.field(default=None, description=DEVICE_TIME)


@strawberry.input(description="Bags that are back in their store.")
class DeliveryReturnInput:
    delivery_id: strawberry.ID = strawberry.field(description=DELIVERY)
    handover_code: str | None = strawberry.field(default=None, description=HANDOVER)
    device_time: datetime | None = strawberry.field(default=None, description=DEVICE_TIME)


@strawberry.input(description="A delivery that goes to another rider.")
class DeliveryUnassignInput:
    delivery_id: strawberry.ID = strawberry.field(description=DELIVERY)
