"""Root fields of apps and webhooks."""

import strawberry

from resolvers.integrations import apps as app_resolvers
from resolvers.integrations import webhook_events
from resolvers.integrations import webhooks as webhook_resolvers
from resolvers.rules import ANYONE, COMPANY
from schema.backing import field, mutation
from schema.integrations.apps import (
    AppCreatePayload,
    AppRevokePayload,
    AppSecretCreatePayload,
    AppSecretRevokePayload,
    AppSecretRotatePayload,
    AppType,
    AppUpdatePayload,
)
from schema.integrations.webhook_events import WebhookEventType
from schema.integrations.webhooks import (
    WebhookDeliveryRetryPayload,
    WebhookEndpointArchivePayload,
    WebhookEndpointCreatePayload,
    WebhookEndpointPausePayload,
    WebhookEndpointResumePayload,
    WebhookEndpointSecretRotatePayload,
    WebhookEndpointType,
    WebhookEndpointUpdatePayload,
    WebhookEventTypeType,
    WebhookPreviewType,
    WebhookReplayPayload,
)
from schema.pages import ConnectionType


@strawberry.type
class AppQuery:
    apps: ConnectionType[AppType] | None = field(
        app_resolvers.list_of_company, "The apps of a company, newest first.", allow=COMPANY
    )
    app: AppType | None = field(app_resolvers.get_app, "An app by its id.", allow=COMPANY)


@strawberry.type
class AppMutation:
    app_create: AppCreatePayload | None = mutation(
        app_resolvers.create, "Creates an app of a company.", allow=COMPANY
    )
    app_update: AppUpdatePayload | None = mutation(
        app_resolvers.update_app, "Changes the name or the permissions of an app.", allow=COMPANY
    )
    app_revoke: AppRevokePayload | None = mutation(
        app_resolvers.revoke,
        "Revokes an app and its secrets, everywhere within 5 seconds.",
        allow=COMPANY,
    )
    app_secret_create: AppSecretCreatePayload | None = mutation(
        app_resolvers.create_secret, "Creates an API key or a client secret.", allow=COMPANY
    )
    app_secret_rotate: AppSecretRotatePayload | None = mutation(
        app_resolvers.rotate_secret,
        "Replaces a secret; both are valid until the grace period ends.",
        allow=COMPANY,
    )
    app_secret_revoke: AppSecretRevokePayload | None = mutation(
        app_resolvers.revoke_secret, "Revokes a secret, everywhere within 5 seconds.", allow=COMPANY
    )


@strawberry.type
class WebhookQuery:
    webhook_event_types: list[WebhookEventTypeType] = field(
        webhook_events.list_topics, "All event types that an endpoint can select.", allow=ANYONE
    )
    webhook_endpoints: ConnectionType[WebhookEndpointType] | None = field(
        webhook_resolvers.list_of_company,
        "The webhook endpoints of a company, or of the calling app.",
        allow=COMPANY,
    )
    webhook_endpoint: WebhookEndpointType | None = field(
        webhook_resolvers.get_endpoint, "A webhook endpoint by its id.", allow=COMPANY
    )
    webhook_event: WebhookEventType | None = field(
        webhook_events.get_event, "A webhook event by its id.", allow=COMPANY
    )
    webhook_preview: WebhookPreviewType | None = field(
        webhook_events.preview_payload,
        "The payload that an endpoint would get for an event; nothing is sent.",
        allow=COMPANY,
    )


@strawberry.type
class WebhookMutation:
    webhook_endpoint_create: WebhookEndpointCreatePayload | None = mutation(
        webhook_resolvers.create,
        "Creates a webhook endpoint for events of a company.",
        allow=COMPANY,
    )
    webhook_endpoint_update: WebhookEndpointUpdatePayload | None = mutation(
        webhook_resolvers.update_endpoint,
        "Changes the URL, the event types or the selection of a webhook endpoint.",
        allow=COMPANY,
    )
    webhook_endpoint_pause: WebhookEndpointPausePayload | None = mutation(
        webhook_resolvers.pause, "Pauses a webhook endpoint.", allow=COMPANY
    )
    webhook_endpoint_resume: WebhookEndpointResumePayload | None = mutation(
        webhook_resolvers.resume,
        "Resumes a webhook endpoint; pending messages are sent first.",
        allow=COMPANY,
    )
    webhook_endpoint_archive: WebhookEndpointArchivePayload | None = mutation(
        webhook_resolvers.archive, "Archives a webhook endpoint for good.", allow=COMPANY
    )
    webhook_endpoint_secret_rotate: WebhookEndpointSecretRotatePayload | None = mutation(
        webhook_resolvers.rotate_secret,
        "Replaces the signing secret; both secrets sign until the grace period ends.",
        allow=COMPANY,
    )
    webhook_replay: WebhookReplayPayload | None = mutation(
        webhook_resolvers.replay,
        "Sends past events again, up to 1,000.",
        allow=COMPANY,
    )
    webhook_delivery_retry: WebhookDeliveryRetryPayload | None = mutation(
        webhook_resolvers.retry, "Sends a dead webhook message again.", allow=COMPANY
    )
