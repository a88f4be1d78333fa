from datetime import date, datetime

import strawberry

from models.delivery import DeliveryOverrideReason, FailReason
from models.orders import AgeDocument
from models.riders import Vehicle
from services.delivery.positions.rider_positions import GpsReading
from services.delivery.step_overrides import StepOverride
from services.orders.age_checks import ShownDocument

OFFER = "The offer: one of yours."
DELIVERY = "The delivery."
DEVICE_TIME = "When the device says it happened; kept beside the server's time."
HANDOVER = "The code that the store's staff tells; they need none when they say it themselves."
RETURN_CODE = "The return code that the store's staff tells; staff and support need none."
OVERRIDE = "Why you take this step in place of the rider: for support; riders leave it out."


@strawberry.input(description="Why store staff or support take a step in place of the rider.")
class DeliveryOverrideInput:
    reason: DeliveryOverrideReason = strawberry.field(description="The reason.")
    note: str = strawberry.field(default="", description="Details, at most 500 characters.")

    def to_override(self) -> StepOverride:
        """The reason as the services take it."""
        return StepOverride(self.reason, self.note)


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
    override: DeliveryOverrideInput | None = strawberry.field(default=None, description=OVERRIDE)
    device_time: datetime | None = strawberry.field(default=None, description=DEVICE_TIME)


@strawberry.input(description="What the customer showed as a proof of age; no number is kept.")
class DeliveryCheckAgeInput:
    delivery_id: strawberry.ID = strawberry.field(description=DELIVERY)
    document: AgeDocument = strawberry.field(description="What was shown.")
    birth_date: date | None = strawberry.field(
        default=None, description="The date of birth on it, which is not kept; else `isOldEnough`."
    )
    is_old_enough: bool | None = strawberry.field(
        default=None, description="Whether it says that the customer is old enough."
    )
    device_time: datetime | None = strawberry.field(default=None, description=DEVICE_TIME)

    def to_shown_document(self) -> ShownDocument:
        """What was shown, as the services take it."""
        return ShownDocument(self.document, self.birth_date, self.is_old_enough)


@strawberry.input(description="Bags that nobody took at the door.")
class DeliveryFailInput:
    delivery_id: strawberry.ID = strawberry.field(description=DELIVERY)
    reason: FailReason = strawberry.field(description="Why they were not handed over.")
    call_attempts: int = strawberry.field(
        default=0,
        description="How often the rider called the customer, from 0 to 100. NOBODY_HOME and "
        "WRONG_ADDRESS need one at least.",
    )
    override: DeliveryOverrideInput | None = strawberry.field(default=None, description=OVERRIDE)
    device_time: datetime | None = strawberry.field(default=None, description=DEVICE_TIME)


@strawberry.input(description="A failed attempt, after which the rider tries once more.")
class DeliveryAttemptAgainInput:
    delivery_id: strawberry.ID = strawberry.field(description=DELIVERY)
    override: DeliveryOverrideInput | None = strawberry.field(default=None, description=OVERRIDE)
    device_time: datetime | None = strawberry.field(default=None, description=DEVICE_TIME)


@strawberry.input(description="A failed attempt, after which the bags go back.")
class DeliveryStartReturnInput:
    delivery_id: strawberry.ID = strawberry.field(description=DELIVERY)
    override: DeliveryOverrideInput | None = strawberry.field(default=None, description=OVERRIDE)
    device_time: datetime | None = strawberry.field(default=None, description=DEVICE_TIME)


@strawberry.input(description="Bags that are back in their store.")
class DeliveryReturnInput:
    delivery_id: strawberry.ID = strawberry.field(description=DELIVERY)
    return_code: str | None = strawberry.field(default=None, description=RETURN_CODE)
    override: DeliveryOverrideInput | None = strawberry.field(default=None, description=OVERRIDE)
    device_time: datetime | None = strawberry.field(default=None, description=DEVICE_TIME)


@strawberry.input(description="A delivery whose bags another rider takes over.")
class DeliveryReassignInput:
    delivery_id: strawberry.ID = strawberry.field(description=DELIVERY)
    rider_id: strawberry.ID = strawberry.field(
        description="The rider, who was asked: ONLINE and on no delivery."
    )
    override: DeliveryOverrideInput = strawberry.field(description="Why the rider changes.")


@strawberry.input(description="A delivery that goes to another rider.")
class DeliveryUnassignInput:
    delivery_id: strawberry.ID = strawberry.field(description=DELIVERY)


@strawberry.input(description="The shift that you begin.")
class RiderGoOnlineInput:
    vehicle: Vehicle | None = strawberry.field(
        default=None, description="What you ride today; what you rode last when left out."
    )
    device_time: datetime | None = strawberry.field(default=None, description=DEVICE_TIME)


@strawberry.input(description="The shift that you end.")
class RiderGoOfflineInput:
    device_time: datetime | None = strawberry.field(default=None, description=DEVICE_TIME)


@strawberry.input(description="Where you are (WGS 84), at most four times a second.")
class RiderLocationReportInput:
    latitude: float = strawberry.field(description="Degrees north, from -90 to 90.")
    longitude: float = strawberry.field(description="Degrees east, from -180 to 180.")
    heading_degrees: float | None = strawberry.field(
        default=None, description="Where you are going, clockwise from north: 0 to 360."
    )
    speed_mps: float | None = strawberry.field(
        default=None, description="How fast, in metres a second, from 0 to 60."
    )
    accuracy_m: float | None = strawberry.field(
        default=None, description="How far off this may be, in metres, from 0 to 10,000."
    )
    device_time: datetime | None = strawberry.field(default=None, description=DEVICE_TIME)

    def to_reading(self) -> GpsReading:
        """The reading as the services take it."""
        return GpsReading(
            self.latitude, self.longitude, self.heading_degrees, self.speed_mps, self.accuracy_m
        )


@strawberry.input(description="Where you were at one moment (WGS 84).")
class RiderPointInput:
    latitude: float = strawberry.field(description="Degrees north, from -90 to 90.")
    longitude: float = strawberry.field(description="Degrees east, from -180 to 180.")
    ago_seconds: float = strawberry.field(
        description="How long before this report that was, by the device's stopwatch: its clock "
        "may be wrong. From 0 to 86,400."
    )
    heading_degrees: float | None = strawberry.field(
        default=None, description="Where you were going, clockwise from north: 0 to 360."
    )
    speed_mps: float | None = strawberry.field(
        default=None, description="How fast, in metres a second, from 0 to 60."
    )
    accuracy_m: float | None = strawberry.field(
        default=None, description="How far off this may be, in metres, from 0 to 10,000."
    )

    def to_reading(self) -> GpsReading:
        """The reading as the services take it."""
        return GpsReading(
            self.latitude,
            self.longitude,
            self.heading_degrees,
            self.speed_mps,
            self.accuracy_m,
            self.ago_seconds,
        )


@strawberry.input(description="Where you were since you last could say so.")
class RiderLocationReportBatchInput:
    points: list[RiderPointInput] = strawberry.field(
        description="From 1 to 100 points, the oldest first."
    )
