"""What endpoints can hear of: each type of event, the streams it stands in, and its scope."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from models.events import EventType
from models.identity import AppScope
from services.core.problems import NotFound, Refused

ID_PREFIX = "evt_"
ID_LENGTH = 200
STREAM_LENGTH = 100
SEQ_MOST = 2**62


@dataclass(frozen=True, slots=True)
class Topic:
    """A type of event that an endpoint can choose; an app needs the scope for it."""

    type: str
    family: str
    scope: AppScope


@dataclass(frozen=True, slots=True)
class StockFact:
    """What a shelf held of one product right after the event."""

    product_id: UUID
    store_id: UUID
    on_hand: int
    held: int
    version: int

    @property
    def available(self) -> int:
        return self.on_hand - self.held

    @property
    def place(self) -> tuple[UUID, UUID]:
        """The store and the product."""
        return self.store_id, self.product_id


@dataclass(frozen=True, slots=True)
class Happening:
    """One event as the log tells it, for payloads to look further from."""

    stream: str
    seq: int
    type: str
    at: datetime
    company_id: UUID
    body: dict[str, Any]

    @property
    def event_id(self) -> str:
        return event_id(self.stream, self.seq)

    @property
    def family(self) -> str:
        return self.stream.partition(":")[0]

    @property
    def order_id(self) -> UUID | None:
        return self._of("order") if self.family == "order" else self._key("order_id")

    @property
    def store_id(self) -> UUID | None:
        return self._key("store_id") if self.family == "order" else self._of(self.family)

    @property
    def product_id(self) -> UUID | None:
        return self._key("product_id")

    @property
    def place(self) -> tuple[UUID, UUID] | None:
        """The store and the product, of an event that speaks of both."""
        store, product = self.store_id, self.product_id
        return None if store is None or product is None else (store, product)

    @property
    def alert_id(self) -> UUID | None:
        return self._key("alert_id")

    @property
    def purchase_order_id(self) -> UUID | None:
        return self._key("purchase_order_id")

    @property
    def changes(self) -> list[StockFact]:
        """What changed on the shelf; nothing in events of other families."""
        found, store = self.body.get("changes"), self.store_id
        if self.type != "STOCK_CHANGED" or store is None or not isinstance(found, list):
            return []
        return [
            StockFact(
                UUID(str(one["product_id"])), store, one["on_hand"], one["held"], one["version"]
            )
            for one in found
        ]

    def _of(self, family: str) -> UUID | None:
        head, _, key = self.stream.partition(":")
        return UUID(key) if head == family and len(key) == 36 else None

    def _key(self, name: str) -> UUID | None:
        found = self.body.get(name)
        return UUID(str(found)) if found else None


def _topics() -> dict[str, Topic]:
    families = {
        ("inventory", AppScope.STOCK_READ): ("STOCK_CHANGED", "LISTING_CHANGED"),
        ("alerts", AppScope.STOCK_READ): ("STOCK_ALERT_RAISED", "STOCK_ALERT_RESOLVED"),
        ("supply", AppScope.SUPPLY_READ): (
            "PURCHASE_ORDER_CREATED",
            "PURCHASE_ORDER_CHANGED",
            "PURCHASE_ORDER_APPROVED",
            "PURCHASE_ORDER_RECEIVED",
        ),
        ("order", AppScope.ORDERS_READ): tuple(EventType),
    }
    return {
        str(one): Topic(str(one), family, scope)
        for (family, scope), types in families.items()
        for one in types
    }


TOPICS = _topics()
FAMILIES = tuple(sorted({topic.family for topic in TOPICS.values()}))


def topic_of(stream: str, type: str) -> Topic | None:
    """What an event is to endpoints; None when it is none of theirs, as the copy in a queue."""
    found = TOPICS.get(type)
    return found if found is not None and found.family == stream.partition(":")[0] else None


def event_id(stream: str, seq: int) -> str:
    """The public id of an event; the same wherever and however often it is told."""
    text = urlsafe_b64encode(f"{stream}#{seq}".encode()).rstrip(b"=").decode()
    return ID_PREFIX + text


def place_of(id: str, *path: str) -> tuple[str, int]:
    """The stream and number behind an event's id; refused as not found when it is none."""
    try:
        if not id.startswith(ID_PREFIX) or len(id) > ID_LENGTH:
            raise ValueError(id)
        coded = id.removeprefix(ID_PREFIX)
        stream, _, seq = urlsafe_b64decode(coded + "=" * (-len(coded) % 4)).decode().partition("#")
        number = int(seq)
        if event_id(stream, number) != id or "\0" in stream or not 0 < number < SEQ_MOST:
            raise ValueError(id)
    except ValueError:
        raise no_event(*path) from None
    return stream, number


def no_event(*path: str) -> Refused:
    """The one answer for events that are missing, of others, or none of the endpoints'."""
    return Refused(NotFound(path=list(path), message="There is no such event."))
