"""Who asks: a person with the roles granted to them, and what of the database that opens."""

from dataclasses import dataclass, field
from enum import auto
from uuid import UUID

from models.base import Named


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


@dataclass(frozen=True, slots=True)
class Scope:
    """What row-level security lets a transaction see: own rows, rows of companies, or all."""

    person_id: UUID | None = None
    companies: tuple[UUID, ...] = ()
    platform: bool = False

    def with_company(self, company_id: UUID) -> "Scope":
        """The same person acting inside one company, after a rule has said they may."""
        return Scope(self.person_id, (company_id,), self.platform)

    def settings(self) -> dict[str, str]:
        """The transaction-local settings that the policies read."""
        return {
            "app.person": str(self.person_id or ""),
            "app.companies": "{" + ",".join(map(str, self.companies)) + "}",
            "app.platform": "on" if self.platform else "off",
        }


NOBODY = Scope()
PLATFORM = Scope(platform=True)
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
