from datetime import date, datetime

import strawberry

from models.delivery import DeliveryFailureReason, DeliveryOverrideReason
from models.orders import AgeCheckDocument
from models.riders import VehicleKind
from services.delivery.positions.rider_positions import GpsReading
from services.delivery.step_overrides import StepOverride
from services.orders.age_checks import ShownDocument

OFFER = "The caller's offer."
DELIVERY = "The delivery."
DEVICE_TIME = "Time of the event by the device's clock; stored in addition to the server's time."
HANDOVER = "The handover code, which the store's staff gives to the rider; not needed from staff."
RETURN_CODE = (
    "The return code, which the store's staff gives to the rider; not needed"
    " from staff and support."
)
OVERRIDE = "Reason for support to take this step in place of the rider; riders leave it out."


@strawberry.input(description="Why store staff or support take a step in place of the rider.")
class DeliveryOverrideInput:
    reason: DeliveryOverrideReason = strawberry.field(description="The reason.")
    note: str = strawberry.field(
        default="", description="Details, at most 500 characters; OTHER needs them."
    )

    def to_override(self) -> StepOverride:
        """The reason as the services take it."""
        return StepOverride(self.reason, self.note)


@strawberry.input(description="Input of `deliveryOfferAccept`.")
class DeliveryOfferAcceptInput:
    delivery_offer_id: strawberry.ID = strawberry.field(description=OFFER)


@strawberry.input(description="Input of `deliveryOfferDecline`.")
class DeliveryOfferDeclineInput:
    delivery_offer_id: strawberry.ID = strawberry.field(description=OFFER)


@strawberry.input(description="Input of `deliveryArriveAtStore`.")
class DeliveryArriveAtStoreInput:
    delivery_id: strawberry.ID = strawberry.field(description=DELIVERY)
    device_time: datetime | None = strawberry.field(default=None, description=DEVICE_TIME)


@strawberry.input(description="Input of `deliveryPickUp`.")
class DeliveryPickUpInput:
    delivery_id: strawberry.ID = strawberry.field(description=DELIVERY)
    handover_code: str | None = strawberry.field(default=None, description=HANDOVER)
    device_time: datetime | None = strawberry.field(default=None, description=DEVICE_TIME)


@strawberry.input(description="Input of `deliveryArriveAtCustomer`.")
class DeliveryArriveAtCustomerInput:
    delivery_id: strawberry.ID = strawberry.field(description=DELIVERY)
    device_time: datetime | None = strawberry.field(default=None, description=DEVICE_TIME)


@strawberry.input(description="Input of `deliveryComplete`.")
class DeliveryCompleteInput:
    delivery_id: strawberry.ID = strawberry.field(description=DELIVERY)
    delivery_pin: str | None = strawberry.field(
        default=None,
        description="The customer's PIN, which the rider needs; store staff and support leave it"
        " out and give `override`.",
    )
    override: DeliveryOverrideInput | None = strawberry.field(
        default=None,
        description="Reason for support, or for store staff whose bags are on the way back, to"
        " complete the delivery in place of the rider; riders leave it out.",
    )
    device_time: datetime | None = strawberry.field(default=None, description=DEVICE_TIME)


@strawberry.input(description="Input of `deliveryCheckAge`: the document that the customer showed.")
class DeliveryCheckAgeInput:
    delivery_id: strawberry.ID = strawberry.field(description=DELIVERY)
    document: AgeCheckDocument = strawberry.field(description="The kind of document.")
    birth_date: date | None = strawberry.field(
        default=None,
        description="The date of birth on it, which is not stored; alternatively `isOldEnough`.",
    )
    is_old_enough: bool | None = strawberry.field(
        default=None, description="Whether the document shows that the customer is old enough."
    )
    override: DeliveryOverrideInput | None = strawberry.field(default=None, description=OVERRIDE)
    device_time: datetime | None = strawberry.field(default=None, description=DEVICE_TIME)

    def to_shown_document(self) -> ShownDocument:
        """What was shown, as the services take it."""
        return ShownDocument(self.document, self.birth_date, self.is_old_enough)


@strawberry.input(description="Input of `deliveryFail`.")
class DeliveryFailInput:
    delivery_id: strawberry.ID = strawberry.field(description=DELIVERY)
    reason: DeliveryFailureReason = strawberry.field(
        description="Why they could not be handed over."
    )
    call_attempt_count: int = strawberry.field(
        default=0,
        description="Number of calls to the customer, from 0 to 100. RECIPIENT_UNAVAILABLE and"
        " WRONG_ADDRESS require at least one.",
    )
    note: str = strawberry.field(
        default="",
        description="What happened, at most 500 characters. UNSAFE_LOCATION and ITEMS_DAMAGED"
        " require it.",
    )
    override: DeliveryOverrideInput | None = strawberry.field(default=None, description=OVERRIDE)
    device_time: datetime | None = strawberry.field(default=None, description=DEVICE_TIME)


@strawberry.input(description="Input of `deliveryAttemptAgain`.")
class DeliveryAttemptAgainInput:
    delivery_id: strawberry.ID = strawberry.field(description=DELIVERY)
    override: DeliveryOverrideInput | None = strawberry.field(default=None, description=OVERRIDE)
    device_time: datetime | None = strawberry.field(default=None, description=DEVICE_TIME)


@strawberry.input(description="Input of `deliveryStartReturn`.")
class DeliveryStartReturnInput:
    delivery_id: strawberry.ID = strawberry.field(description=DELIVERY)
    override: DeliveryOverrideInput | None = strawberry.field(default=None, description=OVERRIDE)
    device_time: datetime | None = strawberry.field(default=None, description=DEVICE_TIME)


@strawberry.input(description="Input of `deliveryReturn`.")
class DeliveryReturnInput:
    delivery_id: strawberry.ID = strawberry.field(description=DELIVERY)
    return_code: str | None = strawberry.field(default=None, description=RETURN_CODE)
    override: DeliveryOverrideInput | None = strawberry.field(default=None, description=OVERRIDE)
    device_time: datetime | None = strawberry.field(default=None, description=DEVICE_TIME)


@strawberry.input(description="Input of `deliveryReassign`.")
class DeliveryReassignInput:
    delivery_id: strawberry.ID = strawberry.field(description=DELIVERY)
    rider_id: strawberry.ID = strawberry.field(
        description="The rider who has agreed to take over: ONLINE and without a delivery."
    )
    override: DeliveryOverrideInput = strawberry.field(
        description="Reason for the change of the rider."
    )


@strawberry.input(description="Input of `deliveryUnassign`.")
class DeliveryUnassignInput:
    delivery_id: strawberry.ID = strawberry.field(description=DELIVERY)


@strawberry.input(description="Input of `riderGoOnline`.")
class RiderGoOnlineInput:
    company_id: strawberry.ID | None = strawberry.field(
        default=None, description="The company to ride for. Default: the company of the last shift."
    )
    vehicle: VehicleKind | None = strawberry.field(
        default=None, description="The vehicle; the last one if left out."
    )
    device_time: datetime | None = strawberry.field(default=None, description=DEVICE_TIME)


@strawberry.input(description="Input of `riderGoOffline`.")
class RiderGoOfflineInput:
    device_time: datetime | None = strawberry.field(default=None, description=DEVICE_TIME)


@strawberry.input(description="Input of `riderEndShift`.")
class RiderEndShiftInput:
    rider_id: strawberry.ID = strawberry.field(description="The rider.")
    expected_version: int | None = strawberry.field(
        default=None, description="The version of the rider that the caller has read."
    )


@strawberry.input(
    description="Input of `riderLocationReport`: a position (WGS 84), at most four times a second."
)
class RiderLocationReportInput:
    latitude: float = strawberry.field(description="Degrees north, from -90 to 90.")
    longitude: float = strawberry.field(description="Degrees east, from -180 to 180.")
    heading_degrees: float | None = strawberry.field(
        default=None, description="Heading in degrees clockwise from north, 0 to 360."
    )
    speed_meters_per_second: float | None = strawberry.field(
        default=None, description="Speed in metres per second, from 0 to 60."
    )
    accuracy_meters: float | None = strawberry.field(
        default=None, description="Accuracy in metres, from 0 to 10,000."
    )
    device_time: datetime | None = strawberry.field(default=None, description=DEVICE_TIME)

    def to_reading(self) -> GpsReading:
        """The reading as the services take it."""
        return GpsReading(
            self.latitude,
            self.longitude,
            self.heading_degrees,
            self.speed_meters_per_second,
            self.accuracy_meters,
        )


@strawberry.input(description="A recorded position (WGS 84).")
class RiderLocationInput:
    latitude: float = strawberry.field(description="Degrees north, from -90 to 90.")
    longitude: float = strawberry.field(description="Degrees east, from -180 to 180.")
    age_seconds: float = strawberry.field(
        description="Age of the position in seconds at the time of this report, by the device's"
        " monotonic clock, from 0 to 86,400."
    )
    heading_degrees: float | None = strawberry.field(
        default=None, description="Heading in degrees clockwise from north, 0 to 360."
    )
    speed_meters_per_second: float | None = strawberry.field(
        default=None, description="Speed in metres per second, from 0 to 60."
    )
    accuracy_meters: float | None = strawberry.field(
        default=None, description="Accuracy in metres, from 0 to 10,000."
    )

    def to_reading(self) -> GpsReading:
        """The reading as the services take it."""
        return GpsReading(
            self.latitude,
            self.longitude,
            self.heading_degrees,
            self.speed_meters_per_second,
            self.accuracy_meters,
            self.age_seconds,
        )


@strawberry.input(description="Input of `riderLocationsReport`.")
class RiderLocationsReportInput:
    locations: list[RiderLocationInput] = strawberry.field(
        description="From 1 to 100 points, oldest first."
    )
