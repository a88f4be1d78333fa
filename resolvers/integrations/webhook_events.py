"""Events as endpoints hear of them: by their ids, and as their payloads would be."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

import strawberry

from models.identity import AppScope
from models.integrations import App, WebhookDelivery, WebhookEndpoint
from resolvers.context import Info
from resolvers.integrations.webhook_payloads import PayloadFault, payloads_of
from services.core.problems import InvalidInput, Refused, key_of
from services.integrations import webhook_deliveries, webhook_endpoints
from services.integrations.webhook_topics import TOPICS, Happening, Topic, no_event
from services.integrations.webhook_topics import event_id as id_of

EventId = Annotated[
    strawberry.ID, strawberry.argument(description="An event's id, as messages carry it.")
]
EndpointId = Annotated[strawberry.ID, strawberry.argument(description="The endpoint's id.")]


@dataclass(frozen=True, slots=True)
class Preview:
    """What an endpoint would be told of an event."""

    payload: str
    schema_version: str


def topics() -> list[Topic]:
    return list(TOPICS.values())


def scope(parent: strawberry.Parent[Topic]) -> AppScope:
    return parent.scope


async def event(info: Info, id: EventId) -> Happening:
    actor = info.context.actor
    async with info.context.read() as session:
        found = await webhook_deliveries.happening(session, id, "id")
    needed = TOPICS[found.type].scope
    if actor.app_id is not None and needed not in actor.scopes:
        raise no_event("id")
    return found


async def preview(info: Info, endpoint_id: EndpointId, event_id: EventId) -> Preview:
    key = key_of(WebhookEndpoint, endpoint_id, "endpointId")
    async with info.context.read() as session:
        given: Any = {"actor": info.context.actor, "endpoint_id": key, "path": "endpointId"}
        row = await webhook_endpoints.visible(session, **given)
        app = await session.get(App, row.app_id) if row.app_id else None
        found = await webhook_deliveries.happening(session, event_id, "eventId")
    return await _rendered(info, row, app, found)


async def _rendered(info: Info, row: WebhookEndpoint, app: App | None, found: Happening) -> Preview:
    if found.company_id != row.company_id:
        raise no_event("eventId")
    try:
        body = await payloads_of(info.schema).render(info.context.house, row, app, found)
    except PayloadFault as fault:
        raise Refused(InvalidInput(path=["endpointId"], message=str(fault))) from None
    return Preview(body.decode(), row.schema_version)


def event_id(parent: strawberry.Parent[Happening]) -> strawberry.ID:
    return strawberry.ID(parent.event_id)


def sequence(parent: strawberry.Parent[Happening]) -> int:
    return parent.seq


def occurred_at(parent: strawberry.Parent[Happening]) -> datetime:
    return parent.at


def delivered_id(parent: strawberry.Parent[WebhookDelivery]) -> strawberry.ID:
    return strawberry.ID(id_of(parent.stream, parent.seq))
