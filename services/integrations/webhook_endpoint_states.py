"""State machines of a webhook endpoint and of its deliveries; events of an endpoint."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from models.identity import Actor
from models.integrations import (
    WebhookDelivery,
    WebhookDeliveryStatus,
    WebhookEndpoint,
    WebhookEndpointAction,
    WebhookEndpointStatus,
)
from services.core.access import COMPANY_ROLES
from services.core.state_machine import AutomaticTransition, StateMachine, Transition
from services.events.event_log import record_event, webhook_stream

OWNER = "the app that owns it, or its company"
NOT_ARCHIVED = frozenset(
    {WebhookEndpointStatus.ACTIVE, WebhookEndpointStatus.PAUSED, WebhookEndpointStatus.SUSPENDED}
)


def may_manage_endpoint(endpoint: WebhookEndpoint, actor: Actor) -> bool:
    """Whether the actor administers the endpoint's company, or is the app that owns it."""
    if actor.app_id is not None and endpoint.app_id != actor.app_id:
        return False
    return actor.has_company_role(endpoint.company_id, COMPANY_ROLES)


DELIVER_JOB = "webhook.deliver"
MACHINE: StateMachine[WebhookEndpoint, WebhookEndpointAction, WebhookEndpointStatus] = StateMachine(
    name="WebhookEndpoint",
    model=WebhookEndpoint,
    status=WebhookEndpointStatus,
    noun="endpoint",
    id_path="webhookEndpointId",
    initial={WebhookEndpointStatus.ACTIVE},
    transitions=(
        Transition(WebhookEndpointAction.UPDATE, NOT_ARCHIVED, party=OWNER),
        Transition(
            WebhookEndpointAction.PAUSE,
            {WebhookEndpointStatus.ACTIVE},
            {WebhookEndpointStatus.PAUSED},
            party=OWNER,
        ),
        Transition(
            WebhookEndpointAction.RESUME,
            NOT_ARCHIVED - {WebhookEndpointStatus.ACTIVE},
            {WebhookEndpointStatus.ACTIVE},
            party=OWNER,
        ),
        Transition(WebhookEndpointAction.REPLAY, NOT_ARCHIVED, party=OWNER),
        Transition(
            WebhookEndpointAction.ARCHIVE,
            NOT_ARCHIVED,
            {WebhookEndpointStatus.ARCHIVED},
            party=OWNER,
        ),
    ),
    automatic=(
        AutomaticTransition(
            "worker: the endpoint is gone, or has failed for three days",
            {WebhookEndpointStatus.ACTIVE},
            {WebhookEndpointStatus.SUSPENDED},
            job=DELIVER_JOB,
        ),
    ),
    mutations={WebhookEndpointAction.REPLAY: "webhookReplay"},
    is_visible=may_manage_endpoint,
)
DELIVERY_MACHINE: StateMachine[WebhookDelivery, Any, WebhookDeliveryStatus] = StateMachine(
    name="WebhookDelivery",
    model=WebhookDelivery,
    status=WebhookDeliveryStatus,
    initial={WebhookDeliveryStatus.PENDING},
    automatic=(
        AutomaticTransition(
            "worker: the endpoint accepted it",
            {WebhookDeliveryStatus.PENDING},
            {WebhookDeliveryStatus.DELIVERED},
            job=DELIVER_JOB,
        ),
        AutomaticTransition(
            "worker: not accepted in time, or the endpoint is archived",
            {WebhookDeliveryStatus.PENDING},
            {WebhookDeliveryStatus.FAILED},
            job=DELIVER_JOB,
        ),
        AutomaticTransition(
            f"retried by {OWNER}",
            {WebhookDeliveryStatus.FAILED},
            {WebhookDeliveryStatus.PENDING},
            mutation="webhookDeliveryRetry",
        ),
    ),
)


async def record_change(
    session: AsyncSession, endpoint: WebhookEndpoint, type: str
) -> WebhookEndpoint:
    """Flush and append an event; returns the endpoint as stored."""
    await session.flush()
    body = {"endpoint_id": endpoint.id, "status": endpoint.status}
    stream = webhook_stream(endpoint.id)
    record_event(session, stream, type, body, company_id=endpoint.company_id)
    await session.refresh(endpoint)
    return endpoint
