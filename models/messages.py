"""Mails and text messages that wait to be sent, or were sent lately."""

from datetime import datetime
from enum import auto
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from database.base import Entity, NamedEnum, default_now


class MessageChannel(NamedEnum):
    """How a message is sent."""

    SMS = auto()
    """As a text message."""
    MAIL = auto()
    """As an e-mail."""


class MessageStatus(NamedEnum):
    """Whether a message was sent."""

    PENDING = auto()
    """Waits for its first or next attempt."""
    SENT = auto()
    """The provider has accepted it. Final."""
    FAILED = auto()
    """Not sent: the provider rejects it, or it was of no use any more. Final."""


class MessageTopic(NamedEnum):
    """What a message is about."""

    INVITATION = auto()
    """An invitation to a role."""
    SIGN_UP = auto()
    """A link to sign up."""
    PASSWORD_RESET = auto()
    """A link to set a new password."""
    EMAIL_CHANGE = auto()
    """A link that confirms a new e-mail address."""
    SECURITY_NOTICE = auto()
    """Tells a person that a contact or the password of their account was changed."""


class OutgoingMessage(Entity):
    """A message for one recipient.

    `{link}` in the text stands for a link whose key is computed when the message is sent, from
    `link_subject_id` (the row that the link is about) and `link_round`: no key is stored.
    """

    __tablename__ = "outgoing_message"
    __table_args__ = (
        Index("ix_outgoing_message_due", "due_at", postgresql_where=text("status = 'PENDING'")),
        Index("ix_outgoing_message_recipient", "recipient", "created_at"),
        Index("ix_outgoing_message_created_at", "created_at"),
        CheckConstraint("(link_subject_id is null) = (link_round is null)", name="link"),
    )

    channel: Mapped[MessageChannel]
    topic: Mapped[MessageTopic]
    recipient: Mapped[str] = mapped_column(info={"secret": True})
    subject: Mapped[str] = mapped_column(default="")
    text: Mapped[str] = mapped_column(info={"secret": True})
    link_subject_id: Mapped[UUID | None]
    link_round: Mapped[int | None]
    withheld: Mapped[bool] = mapped_column(default=False, server_default="false")
    """Never sent, since the recipient got too many; its status follows the last one that was."""
    status: Mapped[MessageStatus] = mapped_column(default=MessageStatus.PENDING)
    attempt_count: Mapped[int] = mapped_column(default=0)
    last_error: Mapped[str | None]
    due_at: Mapped[datetime] = default_now()
    expires_at: Mapped[datetime]
    created_at: Mapped[datetime] = default_now()
    sent_at: Mapped[datetime | None]
