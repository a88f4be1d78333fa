from datetime import datetime

import strawberry

from models.identity import AppScope
from models.integrations import AppSecretKind
from services.integrations.apps import DEFAULT_EXPIRY_DAYS
from services.integrations.apps import DEFAULT_GRACE_SECONDS as SECRET_GRACE_SECONDS
from services.integrations.webhook_endpoints import DEFAULT_GRACE_SECONDS

APP = "The app."
SECRET = "The secret."  # noqa: S105 - a description


@strawberry.input(description="A program of a third party that is to work for a company.")
class AppCreateInput:
    company_id: strawberry.ID = strawberry.field(description="A company that you run.")
    name: str = strawberry.field(description="What people call it: up to 80 characters.")
    scopes: list[AppScope] = strawberry.field(description="What it may do: as little as it needs.")


@strawberry.input(description="What becomes different about an app.")
class AppUpdateInput:
    app_id: strawberry.ID = strawberry.field(description=APP)
    name: str | None = strawberry.field(default=None, description="Another name.")
    scopes: list[AppScope] | None = strawberry.field(
        default=None, description="All that it may do from now on."
    )
    expected_version: int | None = strawberry.field(
        default=None, description="The version that you have seen; refused if another stands."
    )


@strawberry.input(description="An app to end for ever, with all its secrets.")
class AppRevokeInput:
    app_id: strawberry.ID = strawberry.field(description=APP)


@strawberry.input(description="Something that an app can prove itself with.")
class AppSecretCreateInput:
    app_id: strawberry.ID = strawberry.field(description=APP)
    kind: AppSecretKind = strawberry.field(description="How it will be used.")
    expires_in_days: int = strawberry.field(
        default=DEFAULT_EXPIRY_DAYS, description="How long it is good for: from 1 to 730 days."
    )


@strawberry.input(description="A secret to be replaced by another.")
class AppSecretRotateInput:
    secret_id: strawberry.ID = strawberry.field(description=SECRET)
    grace_seconds: int = strawberry.field(
        default=SECRET_GRACE_SECONDS,
        description="How long the old one goes on beside the new one: up to 604800 seconds.",
    )


@strawberry.input(description="A secret to end at once.")
class AppSecretRevokeInput:
    secret_id: strawberry.ID = strawberry.field(description=SECRET)


ENDPOINT = "The endpoint."
NAME = "What people call it: up to 80 characters."
URL = "Where messages go: an https address that the world can reach."
TYPES = "Which events: types out of `webhookTopics`."
SELECTION = (
    "What is told of an event: a selection on WebhookEvent, such as"
    " `{ type occurredAt order { code } }`, fragments after it."
)
ORDERED = (
    "Whether events of one order (or store) come one after another, each after the one before."
)


@strawberry.input(description="Where events of a company are to go.")
class WebhookEndpointCreateInput:
    company_id: strawberry.ID = strawberry.field(description="A company that you run or work for.")
    name: str = strawberry.field(description=NAME)
    url: str = strawberry.field(description=URL)
    event_types: list[str] = strawberry.field(description=TYPES)
    selection: str = strawberry.field(description=SELECTION)
    ordered: bool = strawberry.field(default=False, description=ORDERED)
    app_id: strawberry.ID | None = strawberry.field(
        default=None, description="An app whose scopes bound what is told; apps are their own."
    )


@strawberry.input(description="What becomes different about an endpoint; what is left out stays.")
class WebhookEndpointUpdateInput:
    endpoint_id: strawberry.ID = strawberry.field(description=ENDPOINT)
    name: str | None = strawberry.field(default=None, description=NAME)
    url: str | None = strawberry.field(default=None, description=URL)
    event_types: list[str] | None = strawberry.field(default=None, description=TYPES)
    selection: str | None = strawberry.field(default=None, description=SELECTION)
    ordered: bool | None = strawberry.field(default=None, description=ORDERED)
    expected_version: int | None = strawberry.field(
        default=None, description="The version that you have seen; refused if another stands."
    )


@strawberry.input(description="An endpoint to which nothing is sent for a while.")
class WebhookEndpointPauseInput:
    endpoint_id: strawberry.ID = strawberry.field(description=ENDPOINT)


@strawberry.input(description="An endpoint that is to hear again.")
class WebhookEndpointResumeInput:
    endpoint_id: strawberry.ID = strawberry.field(description=ENDPOINT)


@strawberry.input(description="An endpoint to which nothing is sent any more.")
class WebhookEndpointArchiveInput:
    endpoint_id: strawberry.ID = strawberry.field(description=ENDPOINT)


@strawberry.input(description="An endpoint that is to get another signing secret.")
class WebhookSecretRotateInput:
    endpoint_id: strawberry.ID = strawberry.field(description=ENDPOINT)
    grace_seconds: int = strawberry.field(
        default=DEFAULT_GRACE_SECONDS,
        description="How long both secrets sign: up to 604800 seconds.",
    )


@strawberry.input(description="A part of the past to be sent again: by time, or behind an event.")
class WebhookReplayInput:
    endpoint_id: strawberry.ID = strawberry.field(description=ENDPOINT)
    since: datetime | None = strawberry.field(
        default=None, description="Events from this moment on, such as `missedSince`."
    )
    until: datetime | None = strawberry.field(default=None, description="Events before this one.")
    after_event_id: strawberry.ID | None = strawberry.field(
        default=None, description="Events behind this one: `nextEventId` of the replay before."
    )


@strawberry.input(description="A dead letter to be sent again.")
class WebhookDeliveryRetryInput:
    delivery_id: strawberry.ID = strawberry.field(description="The delivery, which is DEAD.")
