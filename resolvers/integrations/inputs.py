from datetime import datetime

import strawberry

from models.identity import AppScope
from models.integrations import AppSecretKind
from services.integrations.apps import DEFAULT_EXPIRY_DAYS
from services.integrations.apps import DEFAULT_GRACE_SECONDS as SECRET_GRACE_SECONDS
from services.integrations.webhook_endpoints import DEFAULT_GRACE_SECONDS

APP = "The app."
SECRET = "The secret."  # noqa: S105 - a description


@strawberry.input(description="Input of `appCreate`.")
class AppCreateInput:
    company_id: strawberry.ID = strawberry.field(
        description="A company of which the caller is an admin."
    )
    name: str = strawberry.field(description="Its name, up to 80 characters.")
    scopes: list[AppScope] = strawberry.field(description="Its permissions: as few as it needs.")


@strawberry.input(description="Input of `appUpdate`.")
class AppUpdateInput:
    app_id: strawberry.ID = strawberry.field(description=APP)
    name: str | None = strawberry.field(default=None, description="The new name.")
    scopes: list[AppScope] | None = strawberry.field(
        default=None, description="All of its permissions from now on."
    )
    expected_version: int | None = strawberry.field(
        default=None,
        description="The version that the caller has read; VersionConflict if it has changed"
        " since.",
    )


@strawberry.input(description="Input of `appRevoke`.")
class AppRevokeInput:
    app_id: strawberry.ID = strawberry.field(description=APP)


@strawberry.input(description="Input of `appSecretCreate`.")
class AppSecretCreateInput:
    app_id: strawberry.ID = strawberry.field(description=APP)
    type: AppSecretKind = strawberry.field(description="How the app will authenticate with it.")
    expires_in_days: int = strawberry.field(
        default=DEFAULT_EXPIRY_DAYS, description="Days until it expires, from 1 to 730."
    )


@strawberry.input(description="Input of `appSecretRotate`.")
class AppSecretRotateInput:
    app_secret_id: strawberry.ID = strawberry.field(description=SECRET)
    grace_seconds: int = strawberry.field(
        default=SECRET_GRACE_SECONDS,
        description="Seconds for which the old secret stays valid, up to 604800.",
    )


@strawberry.input(description="Input of `appSecretRevoke`.")
class AppSecretRevokeInput:
    app_secret_id: strawberry.ID = strawberry.field(description=SECRET)


ENDPOINT = "The endpoint."
NAME = "Its name, up to 80 characters."
URL = "URL to which messages are sent: a public https address."
TYPES = "Event types from `webhookEventTypes`."
SELECTION = (
    "A selection on WebhookEvent, such as `{ type occurredAt order { code } }`,"
    " followed by its fragments."
)
ORDERED = "Whether events of one order or store are delivered one after the other."


@strawberry.input(description="Input of `webhookEndpointCreate`.")
class WebhookEndpointCreateInput:
    company_id: strawberry.ID = strawberry.field(
        description="A company of which the caller is an admin, or the company of the app."
    )
    name: str = strawberry.field(description=NAME)
    url: str = strawberry.field(description=URL)
    event_types: list[str] = strawberry.field(description=TYPES)
    payload_selection: str = strawberry.field(description=SELECTION)
    preserve_order: bool = strawberry.field(default=False, description=ORDERED)
    app_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="The app whose scopes limit the payload; an app that calls is its own.",
    )


@strawberry.input(
    description="Input of `webhookEndpointUpdate`. Fields that are left out are not changed."
)
class WebhookEndpointUpdateInput:
    webhook_endpoint_id: strawberry.ID = strawberry.field(description=ENDPOINT)
    name: str | None = strawberry.field(default=None, description=NAME)
    url: str | None = strawberry.field(default=None, description=URL)
    event_types: list[str] | None = strawberry.field(default=None, description=TYPES)
    payload_selection: str | None = strawberry.field(default=None, description=SELECTION)
    preserve_order: bool | None = strawberry.field(default=None, description=ORDERED)
    expected_version: int | None = strawberry.field(
        default=None,
        description="The version that the caller has read; VersionConflict if it has changed"
        " since.",
    )


@strawberry.input(description="Input of `webhookEndpointPause`.")
class WebhookEndpointPauseInput:
    webhook_endpoint_id: strawberry.ID = strawberry.field(description=ENDPOINT)


@strawberry.input(description="Input of `webhookEndpointResume`.")
class WebhookEndpointResumeInput:
    webhook_endpoint_id: strawberry.ID = strawberry.field(description=ENDPOINT)


@strawberry.input(description="Input of `webhookEndpointArchive`.")
class WebhookEndpointArchiveInput:
    webhook_endpoint_id: strawberry.ID = strawberry.field(description=ENDPOINT)


@strawberry.input(description="Input of `webhookEndpointSecretRotate`.")
class WebhookEndpointSecretRotateInput:
    webhook_endpoint_id: strawberry.ID = strawberry.field(description=ENDPOINT)
    grace_seconds: int = strawberry.field(
        default=DEFAULT_GRACE_SECONDS,
        description="Seconds for which both secrets sign, up to 604800.",
    )


@strawberry.input(description="Input of `webhookReplay`: events by time, or after an event.")
class WebhookReplayInput:
    webhook_endpoint_id: strawberry.ID = strawberry.field(description=ENDPOINT)
    since: datetime | None = strawberry.field(
        default=None, description="Events from this time on, such as `missedSince`."
    )
    until: datetime | None = strawberry.field(default=None, description="Events before this one.")
    after_event_id: strawberry.ID | None = strawberry.field(
        default=None, description="Events after this one: `nextEventId` of the previous replay."
    )


@strawberry.input(description="Input of `webhookDeliveryRetry`.")
class WebhookDeliveryRetryInput:
    webhook_delivery_id: strawberry.ID = strawberry.field(description="The FAILED delivery.")
