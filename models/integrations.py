from datetime import datetime
from enum import auto
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, CheckConstraint, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from database.base import Base, Keyed, Named, at_now, refers
from models.events import TransactionNumber
from models.identity import AppScope


class AppSecretKind(Named):
    """An API_KEY is sent with each request; a CLIENT_SECRET is traded for access tokens."""

    API_KEY = auto()
    CLIENT_SECRET = auto()


class App(Keyed):
    """A program of a third party that works for a company, within its scopes, until revoked."""

    __tablename__ = "app"
    __table_args__ = (Index("ix_app_company", "company_id", "id"),)

    company_id: Mapped[UUID] = refers("company.id")
    person_id: Mapped[UUID] = refers("person.id")
    name: Mapped[str]
    opened: Mapped[list[str]] = mapped_column(ARRAY(Text))
    created_at: Mapped[datetime] = at_now()
    created_by_id: Mapped[UUID | None]
    revoked_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)

    @property
    def scopes(self) -> list[AppScope]:
        """What it may do, in the order of the closed list."""
        return [scope for scope in AppScope if scope in self.opened]


class AppSecret(Keyed):
    """What an app proves itself with; only the hash of the text is kept."""

    __tablename__ = "app_secret"
    __table_args__ = (Index("ix_app_secret_app", "app_id", "id"),)

    company_id: Mapped[UUID] = refers("company.id")
    app_id: Mapped[UUID] = refers("app.id")
    kind: Mapped[AppSecretKind]
    hash: Mapped[bytes] = mapped_column(unique=True, info={"secret": True})
    hint: Mapped[str]
    created_at: Mapped[datetime] = at_now()
    created_by_id: Mapped[UUID | None]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]


class WebhookStatus(Named):
    """PAUSED by its owner; SUSPENDED by us after three days of failures, or when it said 410."""

    ACTIVE = auto()
    PAUSED = auto()
    SUSPENDED = auto()
    ARCHIVED = auto()


class WebhookAction(Named):
    """What the owner of an endpoint can do with it."""

    UPDATE = auto()
    PAUSE = auto()
    RESUME = auto()
    REPLAY = auto()
    ARCHIVE = auto()


class DeliveryState(Named):
    """PENDING until it is DELIVERED, or DEAD after three days; a dead one can be sent again."""

    PENDING = auto()
    DELIVERED = auto()
    DEAD = auto()


class WebhookEndpoint(Keyed):
    """Where a company, or an app of it, wants to hear of its events, and what of them.

    Signing secrets are not kept: each is derived from a nonce with the installation's secret.
    """

    __tablename__ = "webhook_endpoint"
    __table_args__ = (
        Index("ix_webhook_endpoint_company", "company_id", "id"),
        CheckConstraint("failures >= 0", name="failures"),
    )

    company_id: Mapped[UUID] = refers("company.id")
    app_id: Mapped[UUID | None] = refers("app.id", nullable=True, index=True)
    name: Mapped[str]
    url: Mapped[str]
    event_types: Mapped[list[str]] = mapped_column(ARRAY(Text))
    selection: Mapped[str]
    schema_version: Mapped[str]
    cost: Mapped[int]
    ordered: Mapped[bool]
    status: Mapped[WebhookStatus] = mapped_column(default=WebhookStatus.ACTIVE)
    suspended_because: Mapped[str | None]
    nonce: Mapped[str]
    previous_nonce: Mapped[str | None]
    previous_until: Mapped[datetime | None]
    failures: Mapped[int] = mapped_column(default=0)
    failing_since: Mapped[datetime | None]
    circuit_open_until: Mapped[datetime | None]
    missed_since: Mapped[datetime | None]
    round: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = at_now()
    created_by_id: Mapped[UUID | None]
    version: Mapped[int] = mapped_column(default=1)


class WebhookDelivery(Keyed):
    """One event on its way to one endpoint; `round` is 0, or the number of the replay."""

    __tablename__ = "webhook_delivery"
    __table_args__ = (
        Index("uq_webhook_delivery_event", "endpoint_id", "stream", "seq", "round", unique=True),
        Index(
            "ix_webhook_delivery_due",
            "endpoint_id",
            "due_at",
            postgresql_where=text("status = 'PENDING'"),
        ),
        Index("ix_webhook_delivery_endpoint", "endpoint_id", "id"),
        Index("ix_webhook_delivery_created_at", "created_at"),
    )

    company_id: Mapped[UUID] = refers("company.id")
    endpoint_id: Mapped[UUID] = refers("webhook_endpoint.id")
    stream: Mapped[str]
    seq: Mapped[int] = mapped_column(BigInteger)
    type: Mapped[str]
    event_at: Mapped[datetime]
    round: Mapped[int] = mapped_column(default=0)
    status: Mapped[DeliveryState] = mapped_column(default=DeliveryState.PENDING)
    attempts_count: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    created_at: Mapped[datetime] = at_now()
    finished_at: Mapped[datetime | None]
    last_error: Mapped[str | None]


class WebhookAttempt(Keyed):
    """One try to deliver, and what came of it."""

    __tablename__ = "webhook_attempt"
    __table_args__: Any = (Index("ix_webhook_attempt_delivery", "delivery_id", "id"),)

    company_id: Mapped[UUID] = refers("company.id")
    delivery_id: Mapped[UUID] = mapped_column()
    at: Mapped[datetime] = at_now()
    status_code: Mapped[int | None]
    latency_ms: Mapped[int | None]
    error: Mapped[str | None]
    snippet: Mapped[str] = mapped_column(default="")


class EventPlace(Base):
    """How far a reader of the whole event log has come, in the order of transactions."""

    __tablename__ = "event_place"

    reader: Mapped[str] = mapped_column(primary_key=True)
    tx: Mapped[int] = mapped_column(TransactionNumber)
    stream: Mapped[str]
    seq: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[datetime] = at_now()
