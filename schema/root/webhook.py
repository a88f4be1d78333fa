"""Root fields of endpoints of third parties and of the events that they hear of."""

import strawberry

from resolvers import webhook as resolve
from resolvers import webhook_event as resolve_event
from resolvers.rules import ANYONE, COMPANY
from schema.backing import field, mutation
from schema.page import Connection
from schema.webhook import (
    WebhookDeliveryRetryPayload,
    WebhookEndpoint,
    WebhookEndpointCreatePayload,
    WebhookEndpointUpdatePayload,
    WebhookPreview,
    WebhookReplayPayload,
    WebhookSecretRotatePayload,
    WebhookStepPayload,
    WebhookTopic,
)
from schema.webhook_event import WebhookEvent


@strawberry.type
class Query:
    webhook_topics: list[WebhookTopic] = field(
        resolve_event.topics, "Every type of event that an endpoint can choose.", allow=ANYONE
    )
    webhook_endpoints: Connection[WebhookEndpoint] | None = field(
        resolve.listed, "A company's endpoints, or an app's own ones.", allow=COMPANY
    )
    webhook_endpoint: WebhookEndpoint | None = field(
        resolve.endpoint, "One endpoint.", allow=COMPANY
    )
    webhook_event: WebhookEvent | None = field(
        resolve_event.event, "An event by its id.", allow=COMPANY
    )
    webhook_preview: WebhookPreview | None = field(
        resolve_event.preview,
        "What an endpoint would be told of an event; nothing is sent.",
        allow=COMPANY,
        cost=20,
    )


@strawberry.type
class Mutation:
    webhook_endpoint_create: WebhookEndpointCreatePayload = mutation(
        resolve.create, "Have events of a company sent somewhere.", allow=COMPANY
    )
    webhook_endpoint_update: WebhookEndpointUpdatePayload = mutation(
        resolve.change, "Change where, which or what is sent.", allow=COMPANY
    )
    webhook_endpoint_pause: WebhookStepPayload = mutation(
        resolve.pause, "Send nothing for a while.", allow=COMPANY
    )
    webhook_endpoint_resume: WebhookStepPayload = mutation(
        resolve.resume, "Send again, what waits first.", allow=COMPANY
    )
    webhook_endpoint_archive: WebhookStepPayload = mutation(
        resolve.archive, "Send nothing ever again.", allow=COMPANY
    )
    webhook_secret_rotate: WebhookSecretRotatePayload = mutation(
        resolve.rotate,
        "Sign with another secret; both sign until the grace is over.",
        allow=COMPANY,
    )
    webhook_replay: WebhookReplayPayload = mutation(
        resolve.replay, "Send a part of the past again, up to 1,000 events.", allow=COMPANY
    )
    webhook_delivery_retry: WebhookDeliveryRetryPayload = mutation(
        resolve.retry, "Send a dead letter again.", allow=COMPANY
    )
