"""Reasons of failed attempts and of steps that others take in place of the rider; proofs."""

from enum import auto

from database.base import NamedEnum


class DeliveryFailureReason(NamedEnum):
    """The reason why a rider could not hand over an order."""

    RECIPIENT_UNAVAILABLE = auto()
    """Nobody opened: after 5 minutes at the door and a call. The customer pays the delivery fee."""
    WRONG_ADDRESS = auto()
    """The address is wrong: after 5 minutes there and a call. The customer pays the fee."""
    RECIPIENT_REFUSED = auto()
    """The recipient refused the bags. The customer pays the fee if the rider waited 5 minutes."""
    AGE_CHECK_FAILED = auto()
    """A recorded age check failed. The customer pays the fee if the rider waited 5 minutes."""
    UNSAFE_LOCATION = auto()
    """The location is unsafe; a note describes why. The company pays the delivery fee."""
    ITEMS_DAMAGED = auto()
    """The goods were damaged; a note describes how. The company pays the delivery fee."""
    PAYMENT_LOST = auto()
    """The order is not paid any more; only while it is true. Nobody pays the delivery fee."""
    RIDER_UNAVAILABLE = auto()
    """The rider cannot continue; for support only. The company pays the delivery fee."""


class DeliveryProof(NamedEnum):
    """A proof that a rider must give with the reason of a failed attempt."""

    POSITION = auto()
    """A position of the last minute, near the customer's address."""
    CALL = auto()
    """At least one attempt to call the customer."""
    AGE_CHECK = auto()
    """A recorded check of the customer's age that failed."""
    NOTE = auto()
    """What happened, in the rider's words."""
    PAYMENT = auto()
    """The order's payment is lost, as its state shows; support can't replace it either."""


class DeliveryOverrideReason(NamedEnum):
    """The reason why store staff or support take a step in place of the rider."""

    RIDER_UNREACHABLE = auto()
    """The rider does not answer."""
    RIDER_UNABLE = auto()
    """The rider had an accident, is ill, or has a broken vehicle."""
    RIDER_DISMISSED = auto()
    """The rider does not work for the company any more."""
    RIDER_SIGNED_OUT = auto()
    """The rider signed out on all devices."""
    CUSTOMER_CONFIRMED = auto()
    """The customer confirmed it."""
    STORE_CONFIRMED = auto()
    """The store confirmed it."""
    CODE_UNAVAILABLE = auto()
    """The code or PIN is locked or unknown."""
    POSITION_WRONG = auto()
    """The phone of the rider reports a wrong position, or none."""
    BAGS_LOST = auto()
    """The bags are lost: they will not come back."""
    OTHER = auto()
    """Another reason; see the note."""
