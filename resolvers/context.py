"""What one operation knows: who asks, in which language, and the house's doors."""

from collections.abc import Hashable, Set
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar
from uuid import UUID

import strawberry
from sqlalchemy.ext.asyncio import AsyncSession

from database.scope import PLATFORM
from database.sessions import Database, Origin
from dataloaders import Loaders
from execution.fanout_port import Outlet
from gateways.payments import Payments
from gateways.sms import Sms
from gateways.webhook import PublicWebhooks, Webhooks
from models.identity import Actor
from workflows.delivery.position_ingest import Positions
from workflows.identity.authenticator import Identity
from workflows.stock.reservation_batcher import Combiner

T = TypeVar("T")


class Streams(Protocol):
    """The hub as resolvers see it."""

    async def tell(self, topic: str, value: dict[str, Any]) -> None:
        """Publish a lossy value (a rider's position) to whoever listens now."""


@dataclass(frozen=True, slots=True)
class House:
    """The handles a process shares, built once by the server."""

    database: Database
    combiner: Combiner
    positions: Positions
    payments: Payments
    sms: Sms
    identity: Identity
    streams: Streams
    webhooks: Webhooks = field(default_factory=PublicWebhooks)


@dataclass(slots=True)
class Context:
    """One operation of one actor."""

    house: House
    actor: Actor
    loaders: Loaders
    language: str = "en"
    address: str = ""
    request_id: str = ""
    device: str = ""
    idempotency_key: str | None = None
    last_event_id: str | None = None
    outlet: Outlet | None = None
    """Where the answers of a subscription go, when its wire takes them from others' hands."""
    extensions: dict[str, Any] = field(default_factory=dict)
    writes: int = 0

    def read(self) -> AbstractAsyncContextManager[AsyncSession]:
        """Read what the actor may see."""
        return self.house.database.read(self.actor.scope())

    def look(self) -> AsyncSession:
        """As `read`, for a row by its key: what is asked at the same moment goes in one trip."""
        return self.loaders.session()

    def public(self) -> AbstractAsyncContextManager[AsyncSession]:
        """Read the public catalog."""
        return self.house.database.public()

    def write(
        self, action: str, company_id: UUID | None = None
    ) -> AbstractAsyncContextManager[AsyncSession]:
        """A unit of work, inside `company_id` when the actor acts on a company's rows."""
        scope = self.actor.scope()
        if company_id is not None:
            scope = scope.with_company(company_id)
        return self.house.database.write(scope, self.origin(action))

    def write_anywhere(self, action: str) -> AbstractAsyncContextManager[AsyncSession]:
        """A unit of work on rows of people not known yet: the verb itself checks who may what."""
        return self.house.database.write(PLATFORM, self.origin(action))

    def origin(self, action: str) -> Origin:
        return Origin(action, self.actor.person_id, self.address, self.request_id)

    def known(self, reads: Set[str]) -> Hashable:
        """What `reads` names of who asks: answers that look at no more are equal for equal ones.

        "rows" are those that may be seen, "caller" is all that a read might look at.
        """
        actor = self.actor
        looks: dict[str, Hashable] = {
            "rows": actor.scope(),
            "roles": (actor.signed_in, actor.roles),
            "language": self.language,
            "caller": (actor, self.language, self.address, self.device),
        }
        return tuple(looks[name] for name in sorted(reads))

    def owner(self) -> str:
        """Whose idempotency keys these are."""
        return str(self.actor.person_id) if self.actor.person_id else f"address:{self.address}"


Info = strawberry.Info[Context, None]
