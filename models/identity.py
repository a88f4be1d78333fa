"""Actors and their roles, app scopes, sign-in sessions, refresh tokens, codes and links."""

from collections.abc import Set
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import auto
from uuid import UUID

from sqlalchemy import Index, SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column

from database.base import Base, Entity, NamedEnum, default_now, foreign_key
from database.scope import Scope


class Role(NamedEnum):
    """A permission role; a person can hold several. INTEGRATOR belongs to apps."""

    SUPER_ADMIN = auto()
    """Administers the platform and every company."""
    COMPANY_ADMIN = auto()
    """Administers one company, its stores and its staff."""
    STORE_MANAGER = auto()
    """Manages one store: staff, opening hours, prices and stock."""
    STORE_STAFF = auto()
    """Picks, packs and counts in one store."""
    RIDER = auto()
    """Delivers orders for one company."""
    SUPPORT_AGENT = auto()
    """Handles tickets, cancellations and refunds."""
    CUSTOMER = auto()
    """Places and tracks their own orders."""
    INTEGRATOR = auto()
    """A third-party app, limited by its scopes."""


class AppScope(NamedEnum):
    """A permission of an app in its company; OAuth writes it in lower case, as `stock:read`."""

    STOCK_READ = auto()
    """Read stock levels, batches, alerts, counts and transfers."""
    STOCK_WRITE = auto()
    """Adjust stock and change listing availability."""
    PRICES_READ = auto()
    """Read scheduled prices and markdown candidates."""
    PRICES_WRITE = auto()
    """Set, schedule and cancel listing prices."""
    ORDERS_READ = auto()
    """Read orders without personal data."""
    CUSTOMERS_READ = auto()
    """Read names and other personal data on orders."""
    FULFILLMENTS_READ = auto()
    """Read the picking queue and fulfillments."""
    FULFILLMENTS_WRITE = auto()
    """Accept, reject, pick, pack, stage and put back fulfillments; hand none over."""
    DELIVERIES_READ = auto()
    """Read deliveries and their tracks."""
    TICKETS_READ = auto()
    """Read the company's support tickets, their messages, and support's queue."""
    SUPPLY_READ = auto()
    """Read suppliers, purchase orders and proposals."""
    SUPPLY_WRITE = auto()
    """Manage suppliers and purchase orders."""
    WEBHOOKS_READ = auto()
    """Read webhook endpoints and deliveries."""
    WEBHOOKS_WRITE = auto()
    """Manage webhook endpoints and replay events."""

    @property
    def token(self) -> str:
        """The scope's OAuth name."""
        return self.value.lower().replace("_", ":")


@dataclass(frozen=True, slots=True)
class Grant:
    """A role for the whole platform (no company), a company, or one of its stores."""

    role: Role
    company_id: UUID | None = None
    store_id: UUID | None = None


COMPANY_ROLES = frozenset(
    {Role.COMPANY_ADMIN, Role.STORE_MANAGER, Role.STORE_STAFF, Role.SUPPORT_AGENT}
)


@dataclass(frozen=True, slots=True)
class Actor:
    """The caller: a signed-in person, an app (`app_id`), or anonymous (`person_id` is None).

    An app acts through a person row of its own; its secret takes the place of a session.
    """

    person_id: UUID | None = None
    session_id: UUID | None = None
    grants: tuple[Grant, ...] = ()
    app_id: UUID | None = None
    scopes: frozenset[AppScope] = frozenset()
    is_guest: bool = False
    """Whether the person began without phone and e-mail, as far as the session's token says."""
    roles: frozenset[Role] = field(init=False)
    _scope: Scope = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "roles", frozenset(grant.role for grant in self.grants))
        object.__setattr__(self, "_scope", self._build_scope())

    @property
    def signed_in(self) -> bool:
        return self.person_id is not None

    @property
    def is_platform_staff(self) -> bool:
        """True for super admins and for support agents without a company."""
        return any(
            grant.role is Role.SUPER_ADMIN
            or (grant.role is Role.SUPPORT_AGENT and grant.company_id is None)
            for grant in self.grants
        )

    @property
    def company_ids(self) -> tuple[UUID, ...]:
        """The companies in which the actor holds a staff role, each once."""
        company_ids = (
            g.company_id for g in self.grants if g.role in COMPANY_ROLES and g.company_id
        )
        return tuple(dict.fromkeys(company_ids))

    def scope(self) -> Scope:
        return self._scope

    def _build_scope(self) -> Scope:
        """Roles of one store open the orders of that store, other roles those of the company."""
        staff = [g for g in self.grants if g.role in COMPANY_ROLES and g.company_id]
        companies = [g.company_id for g in staff if g.company_id and not g.store_id]
        stores = [g.store_id for g in staff if g.store_id]
        return Scope(
            self.person_id,
            self.company_ids,
            self.is_platform_staff,
            tuple(dict.fromkeys(companies)),
            tuple(dict.fromkeys(stores)),
        )

    def limited_to(self, rights: Set[object]) -> "Actor":
        """Return the actor without the roles that are not among `rights`."""
        if rights >= frozenset(self.grants):
            return self
        return replace(self, grants=tuple(grant for grant in self.grants if grant in rights))

    def has_store_role(self, company_id: UUID, store_id: UUID, roles: frozenset[Role]) -> bool:
        """Whether the actor has one of `roles` for the store, its company or the platform."""
        return any(
            grant.role in roles
            and grant.company_id in (None, company_id)
            and grant.store_id in (None, store_id)
            for grant in self.grants
        )

    def has_company_role(self, company_id: UUID, roles: frozenset[Role]) -> bool:
        """Return whether the actor has one of `roles` for the whole company or the platform."""
        return any(
            grant.role in roles and grant.company_id in (None, company_id) and not grant.store_id
            for grant in self.grants
        )


ANONYMOUS = Actor()


def app_grants(company_id: UUID) -> tuple[Grant, ...]:
    """Return the grants of an app: its company's rows; its scopes limit the fields."""
    return Grant(Role.INTEGRATOR, company_id), Grant(Role.COMPANY_ADMIN, company_id)


class SignInSession(Entity):
    """A signed-in device; its refresh tokens belong to it."""

    __tablename__ = "sign_in_session"
    __table_args__ = (
        Index("ix_sign_in_session_expires_at", "expires_at"),
        Index(
            "ix_sign_in_session_revoked_at",
            "revoked_at",
            postgresql_where=text("revoked_at is not null"),
        ),
    )

    person_id: Mapped[UUID] = foreign_key("person.id", index=True)
    device: Mapped[str] = mapped_column(default="")
    address: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime] = default_now()
    last_used_at: Mapped[datetime] = default_now()
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    revoked_because: Mapped[str | None]


class RefreshToken(Entity):
    """A single-use refresh token; a second use revokes its session."""

    __tablename__ = "refresh_token"

    session_id: Mapped[UUID] = foreign_key("sign_in_session.id", index=True)
    token_hash: Mapped[bytes] = mapped_column(unique=True, info={"secret": True})
    issued_at: Mapped[datetime] = default_now()
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class Attempt(Base):
    """How often a secret of one account was tried from one source.

    `subject` is a keyed hash of the account's name, `source` a client network or a known device.
    """

    __tablename__ = "attempt"
    __table_args__ = (Index("ix_attempt_tried_at", "tried_at"),)

    rule: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[bytes] = mapped_column(primary_key=True, info={"secret": True})
    source: Mapped[str] = mapped_column(primary_key=True)
    tries: Mapped[int]
    tried_at: Mapped[datetime] = default_now()
    blocked_until: Mapped[datetime | None]


class OneTimeCode(Entity):
    """A code sent to a phone, of six or ten digits, and who has asked for it.

    `source` is the client's network, or its device if the owner of the phone has signed in on it;
    `site` is the IPv6 /48 around the network.
    """

    __tablename__ = "one_time_code"
    __table_args__ = (
        Index("ix_one_time_code_phone", "phone", "issued_at"),
        Index("ix_one_time_code_source", "source", "issued_at"),
        Index("ix_one_time_code_site", "site", "issued_at", postgresql_where=text("site <> ''")),
    )

    phone: Mapped[str]
    source: Mapped[str]
    site: Mapped[str] = mapped_column(default="", server_default="")
    known_device: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    code_hash: Mapped[bytes] = mapped_column(info={"secret": True})
    issued_at: Mapped[datetime] = default_now()
    expires_at: Mapped[datetime]
    tries: Mapped[int] = mapped_column(default=0)
    blind_tries: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    """Tries from the same network without the challenge."""
    not_sent: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    """Whether the text message was not accepted for sending."""
    sent_at: Mapped[datetime | None]
    """When the text message of a code that others share was accepted for sending."""
    joined: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    """Whether no message was sent for this request: it may try the shared code of another one."""
    digits: Mapped[int] = mapped_column(SmallInteger, default=6, server_default=text("6"))
    used_at: Mapped[datetime | None]


class LinkPurpose(NamedEnum):
    """What the owner of an e-mail address may do by a link."""

    SIGN_UP = auto()
    """Open an account with this address."""
    PASSWORD_RESET = auto()
    """Set a new password of the account with this address."""
    EMAIL_CHANGE = auto()
    """Give an account this address."""


class AccountLink(Entity):
    """A single-use link that was sent to an e-mail address; its key is computed, not stored."""

    __tablename__ = "account_link"
    __table_args__ = (Index("ix_account_link_expires_at", "expires_at"),)

    purpose: Mapped[LinkPurpose]
    email: Mapped[str] = mapped_column(info={"secret": True})
    person_id: Mapped[UUID | None] = foreign_key("person.id", nullable=True, index=True)
    address: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime] = default_now()
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
