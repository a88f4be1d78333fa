from datetime import datetime
from enum import auto
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, CheckConstraint, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from database.base import Base, Entity, NamedEnum, default_now, foreign_key
from models.events import TransactionNumber
from models.identity import AppScope


class AppSecretKind(NamedEnum):
    """How an app authenticates with the secret."""

    API_KEY = auto()
    """Sent with each request."""
    CLIENT_SECRET = auto()
    """Exchanged for access tokens (OAuth client credentials)."""


class App(Entity):
    """A third-party app that acts for a company within its scopes, until it is revoked."""

    __tablename__ = "app"
    __table_args__ = (Index("ix_app_company", "company_id", "id"),)

    company_id: Mapped[UUID] = foreign_key("company.id")
    person_id: Mapped[UUID] = foreign_key("person.id", index=True)
    name: Mapped[str]
    opened: Mapped[list[str]] = mapped_column(ARRAY(Text))
    created_at: Mapped[datetime] = default_now()
    created_by_id: Mapped[UUID | None]
    revoked_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)

    @property
    def scopes(self) -> list[AppScope]:
        """The granted scopes, in the order of AppScope."""
        return [scope for scope in AppScope if scope in self.opened]


class AppSecret(Entity):
    """A credential of an app; only the hash of its text is stored."""

    __tablename__ = "app_secret"
    __table_args__ = (Index("ix_app_secret_app", "app_id", "id"),)

    company_id: Mapped[UUID] = foreign_key("company.id")
    app_id: Mapped[UUID] = foreign_key("app.id")
    type: Mapped[AppSecretKind]
    hash: Mapped[bytes] = mapped_column(unique=True, info={"secret": True})
    masked_value: Mapped[str]
    created_at: Mapped[datetime] = default_now()
    created_by_id: Mapped[UUID | None]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]


class WebhookEndpointStatus(NamedEnum):
    """Status of a webhook endpoint."""

    ACTIVE = auto()
    """Events are delivered."""
    PAUSED = auto()
    """Paused by its owner; events are not delivered."""
    SUSPENDED = auto()
    """Suspended after repeated failures; its owner may resume it."""
    ARCHIVED = auto()
    """No longer in use; nothing is delivered. Final."""


class WebhookEndpointAction(NamedEnum):
    """An action on a webhook endpoint."""

    UPDATE = auto()
    """Change the settings or rotate the signing secret."""
    PAUSE = auto()
    """Stop deliveries until the endpoint is resumed."""
    RESUME = auto()
    """Deliver again, pending deliveries first."""
    REPLAY = auto()
    """Deliver past events again."""
    ARCHIVE = auto()
    """Stop deliveries for good."""


class WebhookDeliveryStatus(NamedEnum):
    """Status of a webhook delivery."""

    PENDING = auto()
    """Waits for its next attempt."""
    DELIVERED = auto()
    """The endpoint accepted the message. Final."""
    FAILED = auto()
    """Not accepted within three days; can be retried."""


class WebhookEndpoint(Entity):
    """A URL that receives events of a company, and the payload selection.

    Signing secrets are not stored: each is derived from a nonce and the installation's secret.
    """

    __tablename__ = "webhook_endpoint"
    __table_args__ = (
        Index("ix_webhook_endpoint_company", "company_id", "id"),
        CheckConstraint("consecutive_failure_count >= 0", name="consecutive_failure_count"),
    )

    company_id: Mapped[UUID] = foreign_key("company.id")
    app_id: Mapped[UUID | None] = foreign_key("app.id", nullable=True, index=True)
    name: Mapped[str]
    url: Mapped[str]
    event_types: Mapped[list[str]] = mapped_column(ARRAY(Text))
    payload_selection: Mapped[str]
    schema_version: Mapped[str]
    cost: Mapped[int]
    preserve_order: Mapped[bool]
    status: Mapped[WebhookEndpointStatus] = mapped_column(default=WebhookEndpointStatus.ACTIVE)
    suspension_reason: Mapped[str | None]
    nonce: Mapped[str]
    previous_nonce: Mapped[str | None]
    previous_secret_expires_at: Mapped[datetime | None]
    consecutive_failure_count: Mapped[int] = mapped_column(default=0)
    failing_since: Mapped[datetime | None]
    circuit_open_until: Mapped[datetime | None]
    missed_since: Mapped[datetime | None]
    round: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = default_now()
    created_by_id: Mapped[UUID | None]
    version: Mapped[int] = mapped_column(default=1)


class WebhookDelivery(Entity):
    """The delivery of one event to one endpoint; `round` is 0, or the number of the replay."""

    __tablename__ = "webhook_delivery"
    __table_args__ = (
        Index(
            "uq_webhook_delivery_event",
            "endpoint_id",
            "stream",
            "seq",
            "replay_number",
            unique=True,
        ),
        Index(
            "ix_webhook_delivery_due",
            "endpoint_id",
            "next_attempt_at",
            postgresql_where=text("status = 'PENDING'"),
        ),
        Index("ix_webhook_delivery_endpoint", "endpoint_id", "id"),
        Index("ix_webhook_delivery_created_at", "created_at"),
    )

    company_id: Mapped[UUID] = foreign_key("company.id")
    endpoint_id: Mapped[UUID] = foreign_key("webhook_endpoint.id")
    stream: Mapped[str]
    seq: Mapped[int] = mapped_column(BigInteger)
    event_type: Mapped[str]
    occurred_at: Mapped[datetime]
    replay_number: Mapped[int] = mapped_column(default=0)
    status: Mapped[WebhookDeliveryStatus] = mapped_column(default=WebhookDeliveryStatus.PENDING)
    attempt_count: Mapped[int] = mapped_column(default=0)
    next_attempt_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    created_at: Mapped[datetime] = default_now()
    finished_at: Mapped[datetime | None]
    last_error: Mapped[str | None]


class WebhookAttempt(Entity):
    """An attempt to deliver, and its result."""

    __tablename__ = "webhook_attempt"
    __table_args__: Any = (Index("ix_webhook_attempt_delivery", "delivery_id", "id"),)

    company_id: Mapped[UUID] = foreign_key("company.id")
    delivery_id: Mapped[UUID] = mapped_column()
    attempted_at: Mapped[datetime] = default_now()
    status_code: Mapped[int | None]
    latency_milliseconds: Mapped[int | None]
    error: Mapped[str | None]
    response_snippet: Mapped[str] = mapped_column(default="")


class EventPlace(Base):
    """The position of a reader of the whole event log, in commit order."""

    __tablename__ = "event_place"

    reader: Mapped[str] = mapped_column(primary_key=True)
    tx: Mapped[int] = mapped_column(TransactionNumber)
    stream: Mapped[str]
    seq: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[datetime] = default_now()
