"""Webhook events by id, and previews of their payloads."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

import strawberry

from models.identity import AppScope
from models.integrations import App, WebhookDelivery, WebhookEndpoint
from resolvers.context import Info
from resolvers.integrations.webhook_payloads import PayloadRenderError, payload_renderer
from services.core.problems import DomainError, InvalidInput, parse_id
from services.integrations import webhook_deliveries, webhook_endpoints
from services.integrations.webhook_events import (
    TOPICS,
    WebhookEvent,
    WebhookTopic,
    encode_event_id,
    event_not_found,
)

EventId = Annotated[strawberry.ID, strawberry.argument(description="The event's id in messages.")]
EndpointId = Annotated[strawberry.ID, strawberry.argument(description="The endpoint's id.")]


@dataclass(frozen=True, slots=True)
class PayloadPreview:
    """The payload that an endpoint would receive for an event."""

    payload: str
    schema_version: str


def list_topics() -> list[WebhookTopic]:
    return list(TOPICS.values())


def scope(parent: strawberry.Parent[WebhookTopic]) -> AppScope:
    return parent.scope


async def get_event(info: Info, id: EventId) -> WebhookEvent:
    actor = info.context.actor
    async with info.context.read() as session:
        event = await webhook_deliveries.read_event(session, id, "id")
    required_scope = TOPICS[event.type].scope
    if actor.app_id is not None and required_scope not in actor.scopes:
        raise event_not_found("id")
    return event


async def preview_payload(
    info: Info, webhook_endpoint_id: EndpointId, event_id: EventId
) -> PayloadPreview:
    key = parse_id(WebhookEndpoint, webhook_endpoint_id, "webhookEndpointId")
    async with info.context.read() as session:
        endpoint = await webhook_endpoints.visible_endpoint(
            session, actor=info.context.actor, endpoint_id=key, path="webhookEndpointId"
        )
        app = await session.get(App, endpoint.app_id) if endpoint.app_id else None
        event = await webhook_deliveries.read_event(session, event_id, "eventId")
    return await _render_preview(info, endpoint, app, event)


async def _render_preview(
    info: Info, endpoint: WebhookEndpoint, app: App | None, event: WebhookEvent
) -> PayloadPreview:
    if event.company_id != endpoint.company_id:
        raise event_not_found("eventId")
    try:
        renderer = payload_renderer(info.schema)
        body = await renderer.render(info.context.container, endpoint, app, event)
    except PayloadRenderError as error:
        raise DomainError(InvalidInput(path=["webhookEndpointId"], message=str(error))) from None
    return PayloadPreview(body.decode(), endpoint.schema_version)


def event_id(parent: strawberry.Parent[WebhookEvent]) -> strawberry.ID:
    return strawberry.ID(parent.event_id)


def sequence(parent: strawberry.Parent[WebhookEvent]) -> int:
    return parent.seq


def occurred_at(parent: strawberry.Parent[WebhookEvent]) -> datetime:
    return parent.at


def delivery_event_id(parent: strawberry.Parent[WebhookDelivery]) -> strawberry.ID:
    return strawberry.ID(encode_event_id(parent.stream, parent.seq))
