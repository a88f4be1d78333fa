"""Endpoints of third parties and what is sent to them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Annotated, Any
from uuid import UUID

import strawberry
from sqlalchemy.ext.asyncio import AsyncSession

from models.companies import Company
from models.integrations import App, DeliveryState, WebhookAction, WebhookDelivery, WebhookEndpoint
from resolvers.context import Info
from resolvers.integrations.inputs import (
    WebhookDeliveryRetryInput,
    WebhookEndpointArchiveInput,
    WebhookEndpointCreateInput,
    WebhookEndpointPauseInput,
    WebhookEndpointResumeInput,
    WebhookEndpointUpdateInput,
    WebhookReplayInput,
    WebhookSecretRotateInput,
)
from resolvers.integrations.webhook_selections import changed, wished
from resolvers.mutations import attempt, of, widen
from services.core.pages import Page
from services.core.problems import key_if_given, key_of
from services.integrations import webhook_deliveries, webhook_endpoints
from services.integrations.webhook_deliveries import Replayed, Span
from services.integrations.webhook_signatures import secret_of

CompanyId = Annotated[
    strawberry.ID, strawberry.argument(description="A company that you run or work for.")
]
EndpointId = Annotated[strawberry.ID, strawberry.argument(description="The endpoint's id.")]
First = Annotated[int, strawberry.argument(description="How many, from 1 to 100.")]
After = Annotated[str | None, strawberry.argument(description="The cursor to continue after.")]
States = Annotated[
    list[DeliveryState] | None, strawberry.argument(description="Only these; else all.")
]
StepInput = WebhookEndpointPauseInput | WebhookEndpointResumeInput | WebhookEndpointArchiveInput
Step = Callable[..., Awaitable[WebhookEndpoint]]


@dataclass
class WebhookOutcome:
    """What the writes of endpoints answer; `secret` where one was made."""

    endpoint: WebhookEndpoint | None = None
    errors: list[Any] = field(default_factory=list)
    secret: str | None = None


@dataclass
class WebhookReplayOutcome:
    """What replaying answers."""

    endpoint: WebhookEndpoint | None = None
    errors: list[Any] = field(default_factory=list)
    queued_count: int | None = None
    next_event_id: strawberry.ID | None = None


@dataclass
class WebhookDeliveryOutcome:
    """What sending a dead letter again answers."""

    delivery: WebhookDelivery | None = None
    errors: list[Any] = field(default_factory=list)


async def listed(
    info: Info, company_id: CompanyId, first: First, after: After = None
) -> Page[WebhookEndpoint]:
    key, actor = key_of(Company, company_id, "companyId"), info.context.actor
    async with info.context.read() as session:
        return await webhook_endpoints.listed(
            session, actor=actor, company_id=key, first=first, cursor=after
        )


async def endpoint(info: Info, id: EndpointId) -> WebhookEndpoint:
    key = key_of(WebhookEndpoint, id, "id")
    async with info.context.read() as session:
        return await webhook_endpoints.visible(session, actor=info.context.actor, endpoint_id=key)


async def deliveries(
    parent: strawberry.Parent[WebhookEndpoint],
    info: Info,
    first: First,
    after: After = None,
    statuses: States = None,
) -> Page[WebhookDelivery]:
    given: Any = {"statuses": statuses, "first": first, "cursor": after}
    async with info.context.read() as session:
        return await webhook_deliveries.listed(session, endpoint_id=parent.id, **given)


def available_actions(parent: strawberry.Parent[WebhookEndpoint]) -> list[WebhookAction]:
    return webhook_endpoints.legal(parent.status)


async def create(info: Info, input: WebhookEndpointCreateInput) -> WebhookOutcome:
    async def verb(session: AsyncSession) -> WebhookEndpoint:
        key, actor = key_of(Company, input.company_id, "companyId"), info.context.actor
        wanted = key_if_given(App, input.app_id, "appId")
        app = await webhook_endpoints.app_for(session, actor, key, wanted)
        await widen(session, key)
        given: Any = {"app": app, "wish": wished(info, input, app)}
        return await webhook_endpoints.create(session, actor=actor, company_id=key, **given)

    return await attempt(info, _with_secret(info), verb, input=input)


async def change(info: Info, input: WebhookEndpointUpdateInput) -> WebhookOutcome:
    async def verb(session: AsyncSession) -> WebhookEndpoint:
        key, actor = _key(input), info.context.actor
        row = await webhook_endpoints.visible(
            session, actor=actor, endpoint_id=key, path="endpointId"
        )
        app = await session.get(App, row.app_id) if row.app_id else None
        given: Any = {"app": app, "wish": changed(info, input, row, app)}
        given["expected_version"] = input.expected_version
        return await webhook_endpoints.change(session, actor=actor, endpoint_id=key, **given)

    return await attempt(info, WebhookOutcome, verb, input=input, company_id=_company(info, input))


async def pause(info: Info, input: WebhookEndpointPauseInput) -> WebhookOutcome:
    return await _stepped(info, input, webhook_endpoints.pause)


async def resume(info: Info, input: WebhookEndpointResumeInput) -> WebhookOutcome:
    return await _stepped(info, input, webhook_endpoints.resume)


async def archive(info: Info, input: WebhookEndpointArchiveInput) -> WebhookOutcome:
    return await _stepped(info, input, webhook_endpoints.archive)


async def rotate(info: Info, input: WebhookSecretRotateInput) -> WebhookOutcome:
    async def verb(session: AsyncSession) -> WebhookEndpoint:
        given: Any = {"endpoint_id": _key(input), "grace_seconds": input.grace_seconds}
        return await webhook_endpoints.rotate(session, actor=info.context.actor, **given)

    outcome, company = _with_secret(info), _company(info, input)
    return await attempt(info, outcome, verb, input=input, company_id=company)


async def replay(info: Info, input: WebhookReplayInput) -> WebhookReplayOutcome:
    done: list[Replayed] = []

    async def verb(session: AsyncSession) -> WebhookEndpoint:
        given: Any = {"endpoint_id": _key(input), "span": _span(input)}
        done.append(await webhook_deliveries.replay(session, actor=info.context.actor, **given))
        return done[0].endpoint

    company = _company(info, input)
    made = await attempt(info, WebhookReplayOutcome, verb, input=input, company_id=company)
    return _counted(made, done)


async def retry(info: Info, input: WebhookDeliveryRetryInput) -> WebhookDeliveryOutcome:
    async def verb(session: AsyncSession) -> WebhookDelivery:
        key = key_of(WebhookDelivery, input.delivery_id, "deliveryId")
        return await webhook_deliveries.retry(session, actor=info.context.actor, delivery_id=key)

    company = of(info, WebhookDelivery, input.delivery_id, "deliveryId")
    return await attempt(info, WebhookDeliveryOutcome, verb, input=input, company_id=company)


def _span(input: WebhookReplayInput) -> Span:
    return Span(since=input.since, until=input.until, after_event_id=input.after_event_id)


def _counted(made: WebhookReplayOutcome, done: list[Replayed]) -> WebhookReplayOutcome:
    if done and not made.errors:
        made.queued_count = done[0].queued_count
        following = done[0].next_event_id
        made.next_event_id = strawberry.ID(following) if following else None
    return made


def _with_secret(info: Info) -> Callable[..., WebhookOutcome]:
    """An outcome that tells the signing secret, to an equal request too: it is not stored."""

    def outcome(endpoint: WebhookEndpoint | None = None, errors: Any = ()) -> WebhookOutcome:
        identity = info.context.house.identity
        secret = None if endpoint is None else secret_of(identity, endpoint)
        return WebhookOutcome(endpoint, list(errors), secret)

    return outcome


async def _stepped(info: Info, input: StepInput, step: Step) -> WebhookOutcome:
    async def verb(session: AsyncSession) -> WebhookEndpoint:
        return await step(session, actor=info.context.actor, endpoint_id=_key(input))

    return await attempt(info, WebhookOutcome, verb, input=input, company_id=_company(info, input))


def _key(input: Any) -> UUID:
    return key_of(WebhookEndpoint, input.endpoint_id, "endpointId")


def _company(info: Info, input: Any) -> Any:
    return of(info, WebhookEndpoint, input.endpoint_id, "endpointId")
