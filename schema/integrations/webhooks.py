from datetime import datetime
from typing import Annotated

import strawberry

from dataloaders import integrations as load
from models.identity import AppScope
from models.integrations import (
    DeliveryState,
    WebhookAction,
    WebhookAttempt,
    WebhookDelivery,
    WebhookEndpoint,
    WebhookStatus,
)
from resolvers.integrations import webhook_events
from resolvers.integrations import webhooks as resolve
from schema.backing import backed_by, column, field, related
from schema.fields import id_field
from schema.integrations.apps import AppType
from schema.nodes import NodeType
from schema.pages import ConnectionType
from schema.problems import (
    IllegalStepType,
    InvalidInputType,
    NotFoundType,
    ProblemType,
    VersionConflictType,
)
from services.integrations import webhook_endpoints
from services.integrations.webhook_events import WebhookTopic


@backed_by(WebhookAttempt, "One try to deliver a message.")
class WebhookAttemptType:
    at: datetime = column("When.")
    status_code: int | None = column("What the endpoint answered; null when it did not.")
    latency_ms: int | None = column("Milliseconds until it answered.")
    error: str | None = column("Why the message does not count as taken.")
    snippet: str = column("How the answer begins: at most 1,024 characters.")


@backed_by(WebhookDelivery, "One event on its way to one endpoint.")
class WebhookDeliveryType(NodeType):
    id: strawberry.ID = id_field(WebhookDelivery)
    event_id: strawberry.ID = field(
        webhook_events.delivery_event_id, "The event's id, which is the message's `webhook-id`."
    )
    type: str = column("What happened.")
    event_at: datetime = column("When it happened.")
    round: int = column("0, or the number of the replay that sends it again.")
    status: DeliveryState = column("How far it is.")
    attempts_count: int = column("How often it was tried.")
    due_at: datetime = column("When it is tried next, while it is PENDING.")
    ends_at: datetime = column("When it is given up.")
    finished_at: datetime | None = column("When it was taken or given up.")
    last_error: str | None = column("Why the last try failed.")
    attempts: list[WebhookAttemptType] = related(
        load.attempts_by_delivery, "The newest tries, at most 20."
    )


@backed_by(WebhookEndpoint, "Where events of a company go.")
class WebhookEndpointType(NodeType):
    id: strawberry.ID = id_field(WebhookEndpoint)
    name: str = column("What people call it.")
    url: str = column("Where messages go.")
    event_types: list[str] = column("Which events.")
    selection: str = column("What is told of an event.")
    schema_version: str = column("The version of the graph that the selection was checked with.")
    cost: int = column("What one payload costs.")
    ordered: bool = column("Whether events of one aggregate come one after another.")
    app: AppType | None = related(
        load.app_by_id,
        "The app whose scopes bound what is told; null for none.",
        by="app_id",
    )
    status: WebhookStatus = column("Whether messages go there.")
    suspended_because: str | None = column("Why we stopped, when it is SUSPENDED.")
    available_actions: list[WebhookAction] = field(
        resolve.available_actions, "What can be done with it now."
    )
    failures: int = column("Tries that failed in a row.")
    failing_since: datetime | None = column("When the first of them failed.")
    circuit_open_until: datetime | None = column("Until when nothing is tried, after failures.")
    missed_since: datetime | None = column(
        "The first event that was not put on its way, when it took none: replay from here."
    )
    previous_until: datetime | None = column("Until when the secret before signs too.")
    created_at: datetime = column("When it was made.")
    version: int = column("Grows with each change: pass it as expectedVersion.")
    waiting_count: int = related(load.pending_count_by_endpoint, "Messages that wait.", cost=5)
    dead_count: int = related(load.dead_count_by_endpoint, "Messages given up in 30 days.", cost=5)
    deliveries: ConnectionType[WebhookDeliveryType] = field(
        resolve.list_deliveries, "What was and will be sent, the newest first.", cost=5
    )


@backed_by(WebhookTopic, "A type of event that an endpoint can choose.")
class WebhookTopicType:
    type: str = column("Its name.")
    scope: AppScope = field(webhook_events.scope, "What an app needs to hear of it.")


@backed_by(webhook_events.PayloadPreview, "What an endpoint would be told of an event.")
class WebhookPreviewType:
    payload: str = column("The message's body, byte for byte.")
    schema_version: str = column("The version of the graph that the selection was checked with.")


@backed_by(webhook_endpoints.WebhookLimit, "There are as many endpoints as one may have.")
class WebhookLimitType(ProblemType):
    most: int = column("How many one may have.")


@backed_by(webhook_endpoints.SelectionInvalid, "A selection that can't be sent.")
class SelectionInvalidType(ProblemType):
    reasons: list[str] = column("Each reason, as the graph says it.")


CreateProblem = NotFoundType | InvalidInputType | WebhookLimitType | SelectionInvalidType
UpdateProblem = (
    NotFoundType | InvalidInputType | IllegalStepType | VersionConflictType | SelectionInvalidType
)
WebhookEndpointCreateError = Annotated[
    CreateProblem,
    strawberry.union("WebhookEndpointCreateError", description="Why no endpoint was made."),
]
WebhookEndpointUpdateError = Annotated[
    UpdateProblem,
    strawberry.union("WebhookEndpointUpdateError", description="Why the endpoint stays as it is."),
]
WebhookStepError = Annotated[
    NotFoundType | IllegalStepType,
    strawberry.union("WebhookStepError", description="Why the endpoint stays as it is."),
]
WebhookSecretRotateError = Annotated[
    NotFoundType | InvalidInputType | IllegalStepType,
    strawberry.union("WebhookSecretRotateError", description="Why the secret stays."),
]
WebhookReplayError = Annotated[
    NotFoundType | InvalidInputType | IllegalStepType,
    strawberry.union("WebhookReplayError", description="Why nothing is sent again."),
]
WebhookDeliveryRetryError = Annotated[
    NotFoundType | IllegalStepType,
    strawberry.union("WebhookDeliveryRetryError", description="Why it is not sent again."),
]
NOW = "The endpoint as it is now; null when nothing was done."
ERRORS = "Every reason why nothing was done."
SECRET = "The signing secret (`whsec_…`), which no query tells: keep it."  # noqa: S105 - a description


@backed_by(resolve.WebhookOutcome, "What webhookEndpointCreate did.")
class WebhookEndpointCreatePayload:
    endpoint: WebhookEndpointType | None = column("The new endpoint.")
    secret: str | None = column(SECRET)
    errors: list[WebhookEndpointCreateError] = column(ERRORS)


@backed_by(resolve.WebhookOutcome, "What webhookEndpointUpdate did.")
class WebhookEndpointUpdatePayload:
    endpoint: WebhookEndpointType | None = column(NOW)
    errors: list[WebhookEndpointUpdateError] = column(ERRORS)


@backed_by(resolve.WebhookOutcome, "What a step of an endpoint did.")
class WebhookStepPayload:
    endpoint: WebhookEndpointType | None = column(NOW)
    errors: list[WebhookStepError] = column(ERRORS)


@backed_by(resolve.WebhookOutcome, "What webhookSecretRotate did.")
class WebhookSecretRotatePayload:
    endpoint: WebhookEndpointType | None = column(NOW)
    secret: str | None = column(SECRET)
    errors: list[WebhookSecretRotateError] = column(ERRORS)


@backed_by(resolve.WebhookReplayOutcome, "What webhookReplay did.")
class WebhookReplayPayload:
    endpoint: WebhookEndpointType | None = column(NOW)
    queued_count: int | None = column("How many messages go out once more.")
    next_event_id: strawberry.ID | None = column(
        "Pass it as afterEventId for those that follow; null when there are none."
    )
    errors: list[WebhookReplayError] = column(ERRORS)


@backed_by(resolve.WebhookDeliveryOutcome, "What webhookDeliveryRetry did.")
class WebhookDeliveryRetryPayload:
    delivery: WebhookDeliveryType | None = column("The delivery as it is now.")
    errors: list[WebhookDeliveryRetryError] = column(ERRORS)
