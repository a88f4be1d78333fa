from datetime import datetime
from typing import Annotated

import strawberry

from dataloaders import integrations as load
from models.identity import AppScope
from models.integrations import (
    WebhookAttempt,
    WebhookDelivery,
    WebhookDeliveryStatus,
    WebhookEndpoint,
    WebhookEndpointAction,
    WebhookEndpointStatus,
)
from resolvers.integrations import webhook_events
from resolvers.integrations import webhooks as resolve
from schema.backing import backed_by, column, field, related
from schema.fields import id_field
from schema.integrations.apps import AppType
from schema.nodes import NodeType
from schema.pages import ConnectionType
from schema.problems import (
    InvalidInputType,
    InvalidTransitionType,
    NotFoundType,
    ProblemType,
    VersionConflictType,
)
from services.integrations import webhook_endpoints
from services.integrations.webhook_events import WebhookTopic


@backed_by(WebhookAttempt, "An attempt to deliver a message.")
class WebhookAttemptType:
    attempted_at: datetime = column("When.")
    status_code: int | None = column("HTTP status of the answer; null without an answer.")
    latency_milliseconds: int | None = column("Duration in milliseconds.")
    error: str | None = column("Why the attempt failed.")
    response_snippet: str = column("Beginning of the answer, at most 1,024 characters.")


@backed_by(WebhookDelivery, "The delivery of an event to a webhook endpoint.")
class WebhookDeliveryType(NodeType):
    id: strawberry.ID = id_field(WebhookDelivery)
    event_id: strawberry.ID = field(
        webhook_events.delivery_event_id, "The event's id, which is the message's `webhook-id`."
    )
    event_type: str = column("Type of the event.")
    occurred_at: datetime = column("Time of the event.")
    replay_number: int = column("Number of the replay that sends it; 0 for the first delivery.")
    status: WebhookDeliveryStatus = column("Its status.")
    attempt_count: int = column("Number of attempts.")
    next_attempt_at: datetime = column("Time of the next attempt, while it is PENDING.")
    ends_at: datetime = column("Time after which it is not attempted any more.")
    finished_at: datetime | None = column("Time when it was delivered or gave up (FAILED).")
    last_error: str | None = column("Why the last attempt failed.")
    attempts: list[WebhookAttemptType] = related(
        load.attempts_by_delivery, "The newest attempts, at most 20."
    )


@backed_by(WebhookEndpoint, "A webhook endpoint for events of a company.")
class WebhookEndpointType(NodeType):
    id: strawberry.ID = id_field(WebhookEndpoint)
    name: str = column("Its name.")
    url: str = column("URL to which messages are sent.")
    event_types: list[str] = column("Types of the events that it gets.")
    payload_selection: str = column("The selection of fields on WebhookEvent.")
    schema_version: str = column("The version of the graph that the selection was checked with.")
    cost: int = column("Cost of a payload.")
    preserve_order: bool = column(
        "Whether events of one order or store are delivered one after the other."
    )
    app: AppType | None = related(
        load.app_by_id,
        "The app whose scopes limit the payload; null for none.",
        by="app_id",
    )
    status: WebhookEndpointStatus = column("Its status.")
    suspension_reason: str | None = column("Why it is SUSPENDED.")
    available_actions: list[WebhookEndpointAction] = field(
        resolve.available_actions, "The actions that the caller can take now."
    )
    consecutive_failure_count: int = column("Number of successive failed attempts.")
    failing_since: datetime | None = column("Time of the first of them.")
    circuit_open_until: datetime | None = column(
        "Time until which no attempt is made after failures."
    )
    missed_since: datetime | None = column(
        "Time of the first event that it missed while it was not ACTIVE: replay from here."
    )
    previous_secret_expires_at: datetime | None = column(
        "Time until which the previous secret signs, too."
    )
    created_at: datetime = column("Time when it was created.")
    version: int = column("Increases with each change; pass it as expectedVersion.")
    pending_count: int = related(
        load.pending_count_by_endpoint, "Number of pending messages.", cost=5
    )
    failed_count: int = related(
        load.dead_count_by_endpoint,
        "Number of messages that FAILED in the last 30 days.",
        cost=5,
    )
    deliveries: ConnectionType[WebhookDeliveryType] | None = field(
        resolve.list_deliveries, "Its deliveries, newest first.", cost=5
    )


@backed_by(WebhookTopic, "An event type that an endpoint can select.")
class WebhookEventTypeType:
    type: str = column("Its name.")
    scope: AppScope = field(webhook_events.scope, "The scopes that an app needs for it.")


@backed_by(webhook_events.PayloadPreview, "The payload that an endpoint would get for an event.")
class WebhookPreviewType:
    payload: str = column("The message's body, byte for byte.")
    schema_version: str = column("The version of the graph that the selection was checked with.")


@backed_by(webhook_endpoints.WebhookLimit, "The maximum number of endpoints is reached.")
class WebhookLimitType(ProblemType):
    limit: int = column("The maximum number.")


@backed_by(webhook_endpoints.InvalidSelection, "The selection is invalid.")
class InvalidSelectionType(ProblemType):
    reasons: list[str] = column("The validation errors.")


CreateProblem = NotFoundType | InvalidInputType | WebhookLimitType | InvalidSelectionType
UpdateProblem = (
    NotFoundType
    | InvalidInputType
    | InvalidTransitionType
    | VersionConflictType
    | InvalidSelectionType
)
WebhookEndpointCreateError = Annotated[
    CreateProblem,
    strawberry.union(
        "WebhookEndpointCreateError",
        description="Problems that `webhookEndpointCreate` can return.",
    ),
]
WebhookEndpointUpdateError = Annotated[
    UpdateProblem,
    strawberry.union(
        "WebhookEndpointUpdateError",
        description="Problems that `webhookEndpointUpdate` can return.",
    ),
]
WebhookStepProblem = NotFoundType | InvalidTransitionType
WebhookEndpointPauseError = Annotated[
    WebhookStepProblem,
    strawberry.union(
        "WebhookEndpointPauseError", description="Problems that `webhookEndpointPause` can return."
    ),
]
WebhookEndpointResumeError = Annotated[
    WebhookStepProblem,
    strawberry.union(
        "WebhookEndpointResumeError",
        description="Problems that `webhookEndpointResume` can return.",
    ),
]
WebhookEndpointArchiveError = Annotated[
    WebhookStepProblem,
    strawberry.union(
        "WebhookEndpointArchiveError",
        description="Problems that `webhookEndpointArchive` can return.",
    ),
]
WebhookEndpointSecretRotateError = Annotated[
    NotFoundType | InvalidInputType | InvalidTransitionType,
    strawberry.union(
        "WebhookEndpointSecretRotateError",
        description="Problems that `webhookEndpointSecretRotate` can return.",
    ),
]
WebhookReplayError = Annotated[
    NotFoundType | InvalidInputType | InvalidTransitionType,
    strawberry.union("WebhookReplayError", description="Problems that `webhookReplay` can return."),
]
WebhookDeliveryRetryError = Annotated[
    NotFoundType | InvalidTransitionType,
    strawberry.union(
        "WebhookDeliveryRetryError", description="Problems that `webhookDeliveryRetry` can return."
    ),
]
NOW = "The endpoint as it is now; null when nothing was done."
ERRORS = "The problems; empty if the mutation succeeded."
SECRET = "The signing secret (`whsec_…`), which no query returns: store it."  # noqa: S105 - a description


@backed_by(resolve.WebhookOutcome, "Result of `webhookEndpointCreate`.")
class WebhookEndpointCreatePayload:
    webhook_endpoint: WebhookEndpointType | None = column("The new endpoint.")
    signing_secret: str | None = column(SECRET)
    errors: list[WebhookEndpointCreateError] = column(ERRORS)


@backed_by(resolve.WebhookOutcome, "Result of `webhookEndpointUpdate`.")
class WebhookEndpointUpdatePayload:
    webhook_endpoint: WebhookEndpointType | None = column(NOW)
    errors: list[WebhookEndpointUpdateError] = column(ERRORS)


@backed_by(resolve.WebhookOutcome, "Result of `webhookEndpointPause`.")
class WebhookEndpointPausePayload:
    webhook_endpoint: WebhookEndpointType | None = column(NOW)
    errors: list[WebhookEndpointPauseError] = column(ERRORS)


@backed_by(resolve.WebhookOutcome, "Result of `webhookEndpointResume`.")
class WebhookEndpointResumePayload:
    webhook_endpoint: WebhookEndpointType | None = column(NOW)
    errors: list[WebhookEndpointResumeError] = column(ERRORS)


@backed_by(resolve.WebhookOutcome, "Result of `webhookEndpointArchive`.")
class WebhookEndpointArchivePayload:
    webhook_endpoint: WebhookEndpointType | None = column(NOW)
    errors: list[WebhookEndpointArchiveError] = column(ERRORS)


@backed_by(resolve.WebhookOutcome, "Result of `webhookEndpointSecretRotate`.")
class WebhookEndpointSecretRotatePayload:
    webhook_endpoint: WebhookEndpointType | None = column(NOW)
    signing_secret: str | None = column(SECRET)
    errors: list[WebhookEndpointSecretRotateError] = column(ERRORS)


@backed_by(resolve.WebhookReplayOutcome, "Result of `webhookReplay`.")
class WebhookReplayPayload:
    webhook_endpoint: WebhookEndpointType | None = column(NOW)
    queued_count: int | None = column("Number of messages that are sent again.")
    next_event_id: strawberry.ID | None = column(
        "Pass it as afterEventId to continue; null if there are no more."
    )
    errors: list[WebhookReplayError] = column(ERRORS)


@backed_by(resolve.WebhookDeliveryOutcome, "Result of `webhookDeliveryRetry`.")
class WebhookDeliveryRetryPayload:
    webhook_delivery: WebhookDeliveryType | None = column("The delivery after the mutation.")
    errors: list[WebhookDeliveryRetryError] = column(ERRORS)
