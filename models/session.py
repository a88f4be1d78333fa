from datetime import datetime
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Keyed, at_now, refers


class SignInSession(Keyed):
    """One signed-in device: the family that its refresh tokens belong to."""

    __tablename__ = "sign_in_session"

    person_id: Mapped[UUID] = refers("person.id", index=True)
    device: Mapped[str] = mapped_column(default="")
    address: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime] = at_now()
    last_used_at: Mapped[datetime] = at_now()
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    revoked_because: Mapped[str | None]


class RefreshToken(Keyed):
    """One use of a session's right to a new access token; a second use kills the family."""

    __tablename__ = "refresh_token"

    session_id: Mapped[UUID] = refers("sign_in_session.id", index=True)
    token_hash: Mapped[bytes] = mapped_column(unique=True, info={"secret": True})
    issued_at: Mapped[datetime] = at_now()
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class OneTimeCode(Keyed):
    """A six-digit code sent to a phone."""

    __tablename__ = "one_time_code"
    __table_args__ = (
        Index("ix_one_time_code_phone", "phone", "issued_at"),
        Index("ix_one_time_code_address", "address", "issued_at"),
    )

    phone: Mapped[str]
    address: Mapped[str]
    code_hash: Mapped[bytes] = mapped_column(info={"secret": True})
    issued_at: Mapped[datetime] = at_now()
    expires_at: Mapped[datetime]
    tries: Mapped[int] = mapped_column(default=0)
    used_at: Mapped[datetime | None]
