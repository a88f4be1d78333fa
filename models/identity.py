"""Who asks: a person with the roles granted to them, and what of the database that opens."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import auto
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from database.base import Keyed, Named, at_now, refers
from database.scope import Scope


class Role(Named):
    """The parts that a person can play, several of them at once; INTEGRATOR is played by apps."""

    SUPER_ADMIN = auto()
    COMPANY_ADMIN = auto()
    STORE_MANAGER = auto()
    STORE_STAFF = auto()
    RIDER = auto()
    SUPPORT_AGENT = auto()
    CUSTOMER = auto()
    INTEGRATOR = auto()


class AppScope(Named):
    """What an app may do in its company; OAuth writes it in small letters, as `stock:read`."""

    STOCK_READ = auto()
    STOCK_WRITE = auto()
    PRICES_READ = auto()
    PRICES_WRITE = auto()
    ORDERS_READ = auto()
    CUSTOMERS_READ = auto()
    FULFILLMENTS_READ = auto()
    FULFILLMENTS_WRITE = auto()
    DELIVERIES_READ = auto()
    TICKETS_READ = auto()
    SUPPLY_READ = auto()
    SUPPLY_WRITE = auto()
    WEBHOOKS_READ = auto()
    WEBHOOKS_WRITE = auto()

    @property
    def token(self) -> str:
        """The scope as OAuth writes it."""
        return self.value.lower().replace("_", ":")


@dataclass(frozen=True, slots=True)
class Grant:
    """One role, platform-wide (no company), in a company, or in one of its stores."""

    role: Role
    company_id: UUID | None = None
    store_id: UUID | None = None


COMPANY_ROLES = frozenset(
    {Role.COMPANY_ADMIN, Role.STORE_MANAGER, Role.STORE_STAFF, Role.SUPPORT_AGENT}
)


@dataclass(frozen=True, slots=True)
class Actor:
    """A signed-in person, an app (`app_id`) of a company, or nobody when `person_id` is None.

    An app has a person of its own, which signs what it does, and its secret for a session.
    """

    person_id: UUID | None = None
    session_id: UUID | None = None
    grants: tuple[Grant, ...] = ()
    app_id: UUID | None = None
    scopes: frozenset[AppScope] = frozenset()
    roles: frozenset[Role] = field(init=False)
    _scope: Scope = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "roles", frozenset(grant.role for grant in self.grants))
        scope = Scope(self.person_id, self.companies, self.platform)
        object.__setattr__(self, "_scope", scope)

    @property
    def signed_in(self) -> bool:
        return self.person_id is not None

    @property
    def platform(self) -> bool:
        """True for the platform's own people: the super admin and support without a company."""
        return any(
            grant.role is Role.SUPER_ADMIN
            or (grant.role is Role.SUPPORT_AGENT and grant.company_id is None)
            for grant in self.grants
        )

    @property
    def companies(self) -> tuple[UUID, ...]:
        """The companies whose rows this person's work may need, each once."""
        found = (g.company_id for g in self.grants if g.role in COMPANY_ROLES and g.company_id)
        return tuple(dict.fromkeys(found))

    def scope(self) -> Scope:
        return self._scope

    def works_at(self, company_id: UUID, store_id: UUID, roles: frozenset[Role]) -> bool:
        """Whether one of `roles` is held for this store, its company, or the whole platform."""
        return any(
            grant.role in roles
            and grant.company_id in (None, company_id)
            and grant.store_id in (None, store_id)
            for grant in self.grants
        )

    def acts_for(self, company_id: UUID, roles: frozenset[Role]) -> bool:
        """Whether one of `roles` is held for the whole company (or the platform)."""
        return any(
            grant.role in roles and grant.company_id in (None, company_id) and not grant.store_id
            for grant in self.grants
        )


ANONYMOUS = Actor()


def acting_for(company_id: UUID) -> tuple[Grant, ...]:
    """What an app holds: it reaches its company's rows, through the fields its scopes open."""
    return Grant(Role.INTEGRATOR, company_id), Grant(Role.COMPANY_ADMIN, company_id)


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
