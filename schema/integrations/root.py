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
    WebhookEndpointCreatePayload,
    WebhookEndpointType,
    WebhookEndpointUpdatePayload,
    WebhookPreviewType,
    WebhookReplayPayload,
    WebhookSecretRotatePayload,
    WebhookStepPayload,
    WebhookTopicType,
)
from schema.pages import ConnectionType


@strawberry.type
class AppQuery:
    apps: ConnectionType[AppType] | None = field(
        app_resolvers.list_of_company, "The apps of a company, the newest first.", allow=COMPANY
    )
    app: AppType | None = field(app_resolvers.get_app, "One app.", allow=COMPANY)


@strawberry.type
class AppMutation:
    app_create: AppCreatePayload | None = mutation(
        app_resolvers.create, "Let a program work for a company.", allow=COMPANY
    )
    app_update: AppUpdatePayload | None = mutation(
        app_resolvers.update_app, "Change what an app is called or may do.", allow=COMPANY
    )
    app_revoke: AppRevokePayload | None = mutation(
        app_resolvers.revoke,
        "End an app and its secrets, everywhere within 5 seconds.",
        allow=COMPANY,
    )
    app_secret_create: AppSecretCreatePayload | None = mutation(
        app_resolvers.create_secret, "Make an API key or a client secret.", allow=COMPANY
    )
    app_secret_rotate: AppSecretRotatePayload | None = mutation(
        app_resolvers.rotate_secret,
        "Replace a secret; both are good until the grace is over.",
        allow=COMPANY,
    )
    app_secret_revoke: AppSecretRevokePayload | None = mutation(
        app_resolvers.revoke_secret, "End a secret, everywhere within 5 seconds.", allow=COMPANY
    )


@strawberry.type
class WebhookQuery:
    webhook_topics: list[WebhookTopicType] = field(
        webhook_events.list_topics, "Every type of event that an endpoint can choose.", allow=ANYONE
    )
    webhook_endpoints: ConnectionType[WebhookEndpointType] | None = field(
        webhook_resolvers.list_of_company,
        "A company's endpoints, or an app's own ones.",
        allow=COMPANY,
    )
    webhook_endpoint: WebhookEndpointType | None = field(
        webhook_resolvers.get_endpoint, "One endpoint.", allow=COMPANY
    )
    webhook_event: WebhookEventType | None = field(
        webhook_events.get_event, "An event by its id.", allow=COMPANY
    )
    webhook_preview: WebhookPreviewType | None = field(
        webhook_events.preview_payload,
        "What an endpoint would be told of an event; nothing is sent.",
        allow=COMPANY,
        cost=20,
    )


@strawberry.type
class WebhookMutation:
    webhook_endpoint_create: WebhookEndpointCreatePayload | None = mutation(
        webhook_resolvers.create, "Have events of a company sent somewhere.", allow=COMPANY
    )
    webhook_endpoint_update: WebhookEndpointUpdatePayload | None = mutation(
        webhook_resolvers.update_endpoint, "Change where, which or what is sent.", allow=COMPANY
    )
    webhook_endpoint_pause: WebhookStepPayload | None = mutation(
        webhook_resolvers.pause, "Send nothing for a while.", allow=COMPANY
    )
    webhook_endpoint_resume: WebhookStepPayload | None = mutation(
        webhook_resolvers.resume, "Send again, what waits first.", allow=COMPANY
    )
    webhook_endpoint_archive: WebhookStepPayload | None = mutation(
        webhook_resolvers.archive, "Send nothing ever again.", allow=COMPANY
    )
    webhook_secret_rotate: WebhookSecretRotatePayload | None = mutation(
        webhook_resolvers.rotate_secret,
        "Sign with another secret; both sign until the grace is over.",
        allow=COMPANY,
    )
    webhook_replay: WebhookReplayPayload | None = mutation(
        webhook_resolvers.replay,
        "Send a part of the past again, up to 1,000 events.",
        allow=COMPANY,
    )
    webhook_delivery_retry: WebhookDeliveryRetryPayload | None = mutation(
        webhook_resolvers.retry, "Send a dead letter again.", allow=COMPANY
    )
