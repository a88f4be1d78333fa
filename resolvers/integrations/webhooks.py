"""Webhook endpoints and their deliveries."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Annotated, Any
from uuid import UUID

import strawberry
from sqlalchemy.ext.asyncio import AsyncSession

from models.companies import Company
from models.integrations import (
    App,
    WebhookDelivery,
    WebhookDeliveryStatus,
    WebhookEndpoint,
    WebhookEndpointAction,
)
from resolvers.context import Info
from resolvers.integrations.inputs import (
    WebhookDeliveryRetryInput,
    WebhookEndpointArchiveInput,
    WebhookEndpointCreateInput,
    WebhookEndpointPauseInput,
    WebhookEndpointResumeInput,
    WebhookEndpointSecretRotateInput,
    WebhookEndpointUpdateInput,
    WebhookReplayInput,
)
from resolvers.integrations.webhook_settings import settings_to_create, settings_to_update
from resolvers.mutations import company_of, run_mutation, widen_scope
from services.core.pages import Page
from services.core.problems import parse_id, parse_optional_id
from services.integrations import (
    webhook_deliveries,
    webhook_endpoint_states,
    webhook_endpoints,
)
from services.integrations.webhook_deliveries import ReplayRange, ReplayResult
from services.integrations.webhook_signatures import signing_secret

CompanyId = Annotated[
    strawberry.ID,
    strawberry.argument(
        description="A company of which the caller is an admin, or the company of the app."
    ),
]
EndpointId = Annotated[strawberry.ID, strawberry.argument(description="The endpoint's id.")]
First = Annotated[int, strawberry.argument(description="Number of rows, from 1 to 100.")]
After = Annotated[str | None, strawberry.argument(description="The cursor to continue after.")]
Statuses = Annotated[
    list[WebhookDeliveryStatus] | None,
    strawberry.argument(description="Only these statuses; all if left out."),
]
StepInput = WebhookEndpointPauseInput | WebhookEndpointResumeInput | WebhookEndpointArchiveInput
EndpointStep = Callable[..., Awaitable[WebhookEndpoint]]


@dataclass
class WebhookOutcome:
    """Result of an endpoint mutation; `secret` is set when one was created."""

    webhook_endpoint: WebhookEndpoint | None = None
    errors: list[Any] = field(default_factory=list)
    signing_secret: str | None = None


@dataclass
class WebhookReplayOutcome:
    """Result of `webhookReplay`: the endpoint and the number of deliveries, or the problems."""

    webhook_endpoint: WebhookEndpoint | None = None
    errors: list[Any] = field(default_factory=list)
    queued_count: int | None = None
    next_event_id: strawberry.ID | None = None


@dataclass
class WebhookDeliveryOutcome:
    """Result of `webhookDeliveryRetry`: the delivery, or the problems."""

    webhook_delivery: WebhookDelivery | None = None
    errors: list[Any] = field(default_factory=list)


async def list_of_company(
    info: Info, company_id: CompanyId, first: First, after: After = None
) -> Page[WebhookEndpoint]:
    key, actor = parse_id(Company, company_id, "companyId"), info.context.actor
    async with info.context.read() as session:
        return await webhook_endpoints.list_of_company(
            session, actor=actor, company_id=key, first=first, cursor=after
        )


async def get_endpoint(info: Info, id: EndpointId) -> WebhookEndpoint:
    key = parse_id(WebhookEndpoint, id, "id")
    async with info.context.read() as session:
        return await webhook_endpoints.visible_endpoint(
            session, actor=info.context.actor, endpoint_id=key
        )


async def list_deliveries(
    parent: strawberry.Parent[WebhookEndpoint],
    info: Info,
    first: First,
    after: After = None,
    statuses: Statuses = None,
) -> Page[WebhookDelivery]:
    arguments: Any = {"statuses": statuses, "first": first, "cursor": after}
    async with info.context.read() as session:
        return await webhook_deliveries.list_of_endpoint(
            session, endpoint_id=parent.id, **arguments
        )


def available_actions(
    parent: strawberry.Parent[WebhookEndpoint], info: Info
) -> list[WebhookEndpointAction]:
    return webhook_endpoint_states.MACHINE.available_actions(parent, info.context.actor)


async def create(info: Info, input: WebhookEndpointCreateInput) -> WebhookOutcome:
    async def operation(session: AsyncSession) -> WebhookEndpoint:
        key, actor = parse_id(Company, input.company_id, "companyId"), info.context.actor
        app_id = parse_optional_id(App, input.app_id, "appId")
        app = await webhook_endpoints.app_of_endpoint(session, actor, key, app_id)
        await widen_scope(session, key)
        arguments: Any = {"app": app, "settings": settings_to_create(info, input, app)}
        return await webhook_endpoints.create(session, actor=actor, company_id=key, **arguments)

    return await run_mutation(info, _with_secret(info), operation, input=input)


async def update_endpoint(info: Info, input: WebhookEndpointUpdateInput) -> WebhookOutcome:
    async def operation(session: AsyncSession) -> WebhookEndpoint:
        arguments = await _update_arguments(session, info, input)
        return await webhook_endpoints.update_endpoint(session, **arguments)

    company = _company_lookup(info, input)
    return await run_mutation(info, WebhookOutcome, operation, input=input, company_id=company)


async def _update_arguments(
    session: AsyncSession, info: Info, input: WebhookEndpointUpdateInput
) -> dict[str, Any]:
    key: dict[str, Any] = {"actor": info.context.actor, "endpoint_id": _key(input)}
    endpoint = await webhook_endpoints.visible_endpoint(session, **key, path="webhookEndpointId")
    app = await session.get(App, endpoint.app_id) if endpoint.app_id else None
    return {
        **key,
        "app": app,
        "settings": settings_to_update(info, input, endpoint, app),
        "expected_version": input.expected_version,
    }


async def pause(info: Info, input: WebhookEndpointPauseInput) -> WebhookOutcome:
    return await _run_step(info, input, webhook_endpoints.pause)


async def resume(info: Info, input: WebhookEndpointResumeInput) -> WebhookOutcome:
    return await _run_step(info, input, webhook_endpoints.resume)


async def archive(info: Info, input: WebhookEndpointArchiveInput) -> WebhookOutcome:
    return await _run_step(info, input, webhook_endpoints.archive)


async def rotate_secret(info: Info, input: WebhookEndpointSecretRotateInput) -> WebhookOutcome:
    async def operation(session: AsyncSession) -> WebhookEndpoint:
        arguments: Any = {"endpoint_id": _key(input), "grace_seconds": input.grace_seconds}
        return await webhook_endpoints.rotate_secret(session, actor=info.context.actor, **arguments)

    outcome, company = _with_secret(info), _company_lookup(info, input)
    return await run_mutation(info, outcome, operation, input=input, company_id=company)


async def replay(info: Info, input: WebhookReplayInput) -> WebhookReplayOutcome:
    results: list[ReplayResult] = []

    async def operation(session: AsyncSession) -> WebhookEndpoint:
        results.append(await webhook_deliveries.replay(session, **_replay_arguments(info, input)))
        return results[0].endpoint

    company, outcome_type = _company_lookup(info, input), WebhookReplayOutcome
    outcome = await run_mutation(info, outcome_type, operation, input=input, company_id=company)
    return _with_counts(outcome, results)


async def retry(info: Info, input: WebhookDeliveryRetryInput) -> WebhookDeliveryOutcome:
    async def operation(session: AsyncSession) -> WebhookDelivery:
        key = parse_id(WebhookDelivery, input.webhook_delivery_id, "deliveryId")
        return await webhook_deliveries.retry(session, actor=info.context.actor, delivery_id=key)

    company = company_of(info, WebhookDelivery, input.webhook_delivery_id, "deliveryId")
    return await run_mutation(
        info, WebhookDeliveryOutcome, operation, input=input, company_id=company
    )


def _replay_arguments(info: Info, input: WebhookReplayInput) -> dict[str, Any]:
    since, until, after = input.since, input.until, input.after_event_id
    return {
        "actor": info.context.actor,
        "endpoint_id": _key(input),
        "replay_range": ReplayRange(since=since, until=until, after_event_id=after),
    }


def _with_counts(
    outcome: WebhookReplayOutcome, results: list[ReplayResult]
) -> WebhookReplayOutcome:
    if results and not outcome.errors:
        outcome.queued_count = results[0].queued_count
        next_event_id = results[0].next_event_id
        outcome.next_event_id = strawberry.ID(next_event_id) if next_event_id else None
    return outcome


def _with_secret(info: Info) -> Callable[..., WebhookOutcome]:
    """Builds an outcome with the signing secret, which can be derived for a replay too."""

    def outcome(endpoint: WebhookEndpoint | None = None, errors: Any = ()) -> WebhookOutcome:
        identity = info.context.container.authenticator
        secret = None if endpoint is None else signing_secret(identity, endpoint)
        return WebhookOutcome(endpoint, list(errors), secret)

    return outcome


async def _run_step(info: Info, input: StepInput, step: EndpointStep) -> WebhookOutcome:
    async def operation(session: AsyncSession) -> WebhookEndpoint:
        return await step(session, actor=info.context.actor, endpoint_id=_key(input))

    company = _company_lookup(info, input)
    return await run_mutation(info, WebhookOutcome, operation, input=input, company_id=company)


def _key(input: Any) -> UUID:
    return parse_id(WebhookEndpoint, input.webhook_endpoint_id, "webhookEndpointId")


def _company_lookup(info: Info, input: Any) -> Any:
    return company_of(info, WebhookEndpoint, input.webhook_endpoint_id, "webhookEndpointId")
