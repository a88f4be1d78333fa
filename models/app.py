from datetime import datetime
from enum import auto
from uuid import UUID

from sqlalchemy import ARRAY, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from models.actor import AppScope
from models.base import Keyed, Named, at_now, refers


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
