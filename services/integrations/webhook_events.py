"""Events that webhook endpoints can receive: their types, scopes, public ids, and facts."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from models.events import OrderEventKind
from models.identity import AppScope
from services.core.problems import DomainError, NotFound

ID_PREFIX = "evt_"
MAX_ID_LENGTH = 200
MAX_SEQ = 2**62
UUID_LENGTH = 36


@dataclass(frozen=True, slots=True)
class WebhookTopic:
    """An event type that endpoints can subscribe to, and the scope that an app needs for it.

    `family` is the kind of stream that holds the events, such as "order" in "order:<id>".
    """

    type: str
    family: str
    scope: AppScope


@dataclass(frozen=True, slots=True)
class StockSnapshot:
    """The stock level of one product in a store right after the event."""

    product_id: UUID
    store_id: UUID
    on_hand: int
    reserved: int
    version: int

    @property
    def available(self) -> int:
        return self.on_hand - self.reserved

    @property
    def place(self) -> tuple[UUID, UUID]:
        """The store's and the product's keys."""
        return self.store_id, self.product_id


@dataclass(frozen=True, slots=True)
class WebhookEvent:
    """An event of the log as the root of payload selections."""

    stream: str
    seq: int
    type: str
    at: datetime
    company_id: UUID
    body: dict[str, Any]

    @property
    def event_id(self) -> str:
        return encode_event_id(self.stream, self.seq)

    @property
    def family(self) -> str:
        return self.stream.partition(":")[0]

    @property
    def order_id(self) -> UUID | None:
        return self._stream_key("order") if self.family == "order" else self._body_key("order_id")

    @property
    def store_id(self) -> UUID | None:
        is_order = self.family == "order"
        return self._body_key("store_id") if is_order else self._stream_key(self.family)

    @property
    def product_id(self) -> UUID | None:
        return self._body_key("product_id")

    @property
    def place(self) -> tuple[UUID, UUID] | None:
        """The store's and the product's keys, if the event names both."""
        store_id, product_id = self.store_id, self.product_id
        return None if store_id is None or product_id is None else (store_id, product_id)

    @property
    def alert_id(self) -> UUID | None:
        return self._body_key("alert_id")

    @property
    def purchase_order_id(self) -> UUID | None:
        return self._body_key("purchase_order_id")

    @property
    def stock_changes(self) -> list[StockSnapshot]:
        """The changed stock levels of a STOCK_CHANGED event; empty for other types."""
        changes, store_id = self.body.get("changes"), self.store_id
        if self.type != "STOCK_CHANGED" or store_id is None or not isinstance(changes, list):
            return []
        return [
            StockSnapshot(
                UUID(str(one["product_id"])), store_id, one["on_hand"], one["held"], one["version"]
            )
            for one in changes
        ]

    def _stream_key(self, family: str) -> UUID | None:
        stream_family, _, key = self.stream.partition(":")
        return UUID(key) if stream_family == family and len(key) == UUID_LENGTH else None

    def _body_key(self, name: str) -> UUID | None:
        value = self.body.get(name)
        return UUID(str(value)) if value else None


def _build_topics() -> dict[str, WebhookTopic]:
    types_by_family = {
        ("inventory", AppScope.STOCK_READ): ("STOCK_CHANGED", "LISTING_CHANGED"),
        ("alerts", AppScope.STOCK_READ): ("STOCK_ALERT_RAISED", "STOCK_ALERT_RESOLVED"),
        ("supply", AppScope.SUPPLY_READ): (
            "PURCHASE_ORDER_CREATED",
            "PURCHASE_ORDER_CHANGED",
            "PURCHASE_ORDER_APPROVED",
            "PURCHASE_ORDER_RECEIVED",
        ),
        ("order", AppScope.ORDERS_READ): tuple(OrderEventKind),
    }
    return {
        str(event_type): WebhookTopic(str(event_type), family, scope)
        for (family, scope), event_types in types_by_family.items()
        for event_type in event_types
    }


TOPICS = _build_topics()
FAMILIES = tuple(sorted({topic.family for topic in TOPICS.values()}))


def find_topic(stream: str, type: str) -> WebhookTopic | None:
    """The topic of an event; None if it has none, such as a copy in a queue's stream."""
    topic = TOPICS.get(type)
    return topic if topic is not None and topic.family == stream.partition(":")[0] else None


def encode_event_id(stream: str, seq: int) -> str:
    """The public id of an event; the same for every endpoint and every delivery."""
    text = urlsafe_b64encode(f"{stream}#{seq}".encode()).rstrip(b"=").decode()
    return ID_PREFIX + text


def decode_event_id(id: str, *path: str) -> tuple[str, int]:
    """The stream and sequence number of an event's id. Raises DomainError: NotFound."""
    try:
        if not id.startswith(ID_PREFIX) or len(id) > MAX_ID_LENGTH:
            raise ValueError(id)
        coded = id.removeprefix(ID_PREFIX)
        stream, _, seq = urlsafe_b64decode(coded + "=" * (-len(coded) % 4)).decode().partition("#")
        number = int(seq)
        if encode_event_id(stream, number) != id or "\0" in stream or not 0 < number < MAX_SEQ:
            raise ValueError(id)
    except ValueError:
        raise event_not_found(*path) from None
    return stream, number


def event_not_found(*path: str) -> DomainError:
    """NotFound, for events that don't exist, are another company's, or have no topic."""
    return DomainError(NotFound(path=list(path), message="There is no such event."))
