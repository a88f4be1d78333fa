"""The context of one operation: actor, language, loaders and the process's dependencies."""

from collections.abc import Callable, Hashable, Set
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID

import strawberry
from sqlalchemy.ext.asyncio import AsyncSession

from database.audit import AuditContext
from database.scope import PLATFORM
from database.sessions import Database
from dataloaders.loaders import Loaders
from execution.fanout_port import FanoutPort
from gateways.payments import PaymentGateway
from gateways.sms import SmsSender
from gateways.webhook import PublicWebhookClient, WebhookClient
from models.identity import Actor
from services.checkout.unpaid_limits import DEFAULT_LIMITS, UnpaidLimits
from services.core.contacts.email_addresses import EmailDomains
from services.core.network_address import parse_network
from workflows.delivery.position_ingest import PositionIngest
from workflows.files.complete_upload import FileChecks
from workflows.identity.authenticator import Authenticator
from workflows.stock.reservation_batcher import ReservationBatcher


class StreamPublisher(Protocol):
    """The part of the stream hub that resolvers use."""

    async def publish_value(self, topic: str, value: dict[str, Any]) -> None:
        """Publish a value that may be lost (a rider position) to current subscribers."""


@dataclass(frozen=True, slots=True)
class Container:
    """The dependencies of a process, built once by the server."""

    database: Database
    reservation_queue: ReservationBatcher
    positions: PositionIngest
    payments: PaymentGateway
    sms: SmsSender
    authenticator: Authenticator
    streams: StreamPublisher
    files: FileChecks
    webhooks: WebhookClient = field(default_factory=PublicWebhookClient)
    unpaid_limits: UnpaidLimits = DEFAULT_LIMITS
    email_domains: EmailDomains = EmailDomains.ANY


@dataclass(slots=True)
class Context:
    """One operation of one actor."""

    container: Container
    actor: Actor
    loaders: Loaders
    language: str = "en"
    address: str = ""
    request_id: str = ""
    locale: str = ""
    """How amounts are written; as in `language` if it is empty."""
    device: str = ""
    device_token: str | None = None
    """What the client sends to show that somebody has signed in on its device before."""
    idempotency_key: str | None = None
    last_event_id: str | None = None
    fanout_port: FanoutPort | None = None
    """Receives the results of a subscription when the transport supports shared results."""
    extensions: dict[str, Any] = field(default_factory=dict)
    signed_in: Actor | None = None
    """Whom this operation has signed in, without any role: they see their own contact data."""
    charged: int = 0
    """What was paid for the document, its plan and the size of the request."""
    writes: int = 0
    stream_denial: Callable[["Context"], Exception | None] | None = None
    """Checks the rule of the operation's stream again."""

    @property
    def rule_denial(self) -> Exception | None:
        """The error of the operation's stream if its rule does not allow the actor any more."""
        return None if self.stream_denial is None else self.stream_denial(self)

    def limit_to(self, actor: Actor) -> None:
        """Go on as the same person with fewer roles; results are shared with nobody any more."""
        self.actor, self.fanout_port = actor, None
        self.loaders = Loaders(self.container.database, actor.scope())

    def read(self) -> AbstractAsyncContextManager[AsyncSession]:
        """Open a read session with the actor's row-level-security scope."""
        return self.container.database.read(self.actor.scope())

    def batched_session(self) -> AsyncSession:
        """Return a session like `read` whose concurrent reads are sent in one round trip."""
        return self.loaders.session()

    def read_public(self) -> AbstractAsyncContextManager[AsyncSession]:
        """Open a read session on the public catalog."""
        return self.container.database.read_public()

    def write(
        self, action: str, company_id: UUID | None = None
    ) -> AbstractAsyncContextManager[AsyncSession]:
        """Open a write transaction; `company_id` adds that company's rows to the actor's scope."""
        scope = self.actor.scope()
        if company_id is not None:
            scope = scope.with_company(company_id)
        return self.container.database.write(scope, self.audit_origin(action))

    def write_as_platform(self, action: str) -> AbstractAsyncContextManager[AsyncSession]:
        """Open a write transaction on the rows of all tenants; the command itself authorizes."""
        return self.container.database.write(PLATFORM, self.audit_origin(action))

    def audit_origin(self, action: str) -> AuditContext:
        """Return who made a change, for the audit log."""
        return AuditContext(action, self.actor.person_id, self.address, self.request_id)

    def sharing_values(self, dependencies: Set[str]) -> Hashable:
        """Return the values of the named context parts; results that depend on no others are equal
        for contexts with equal values.

        "rows" is the row-level-security scope, "caller" is everything that a resolver may read.
        """
        actor = self.actor
        values: dict[str, Hashable] = {
            "rows": actor.scope(),
            "roles": (actor.signed_in, frozenset(actor.grants)),
            "language": self.language,
            "caller": (
                actor,
                self.language,
                self.locale,
                self.address,
                self.device,
                self.device_token,
            ),
        }
        return tuple(values[name] for name in sorted(dependencies))

    def idempotency_owner(self) -> str:
        """Return the owner of the idempotency keys: the person or the client's network."""
        if self.actor.person_id is not None:
            return str(self.actor.person_id)
        return f"address:{parse_network(self.address).key}"


Info = strawberry.Info[Context, None]
