"""Webhook endpoints of companies and apps: their URL, event types, and payload selection."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.companies import Company
from models.identity import Actor, AppScope
from models.integrations import App, WebhookEndpoint, WebhookEndpointAction, WebhookEndpointStatus
from models.message_text import duration_text, words_text
from services.core.access import COMPANY_ROLES
from services.core.clock import current_time
from services.core.pages import Page, build_page, check_page_size, decode_cursor
from services.core.problems import DomainError, InvalidInput, Problem, not_found
from services.core.state_machine import column_values, raise_version
from services.core.text import parse_line
from services.integrations.webhook_endpoint_states import (
    MACHINE,
    may_manage_endpoint,
    record_change,
)
from services.integrations.webhook_events import TOPICS
from services.integrations.webhook_signatures import new_nonce

MAX_NAME_LENGTH = 80
MAX_ENDPOINTS_PER_COMPANY = 20
DEFAULT_GRACE_SECONDS = 24 * 3600
MAX_GRACE_SECONDS = 7 * 24 * 3600
MAX_PROBLEMS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookLimit(Problem):
    """The company has the maximum number of endpoints, which is `most`."""

    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InvalidSelection(Problem):
    """The selection is not valid; `reasons` are the messages of the GraphQL validation."""

    reasons: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointSettings:
    """Settings of an endpoint; URL and selection have been validated already."""

    name: str
    url: str
    event_types: Collection[str]
    payload_selection: str
    schema_version: str
    cost: int
    preserve_order: bool


def payload_scopes(actor: Actor, app: App | None) -> frozenset[AppScope]:
    """The scopes that limit payloads: the app's ones, or all for a company's own endpoint."""
    if app is not None:
        return frozenset(app.scopes)
    return actor.scopes if actor.app_id is not None else frozenset(AppScope)


async def app_of_endpoint(
    session: AsyncSession, actor: Actor, company_id: UUID, app_id: UUID | None
) -> App | None:
    """The app that will own a new endpoint; an app can only create endpoints of its own.

    Raises DomainError: NotFound.
    """
    owner_id = actor.app_id or app_id
    if not actor.has_company_role(company_id, COMPANY_ROLES):
        raise not_found(Company, "companyId")
    if owner_id is None:
        return None
    app = await session.get(App, owner_id)
    is_usable = app is not None and app.company_id == company_id and app.revoked_at is None
    if app is None or not is_usable or (app_id not in (None, owner_id)):
        raise not_found(App, "appId")
    return app


async def create(
    session: AsyncSession,
    *,
    actor: Actor,
    company_id: UUID,
    app: App | None,
    settings: EndpointSettings,
) -> WebhookEndpoint:
    """Create an endpoint; it receives events that occur from now on.

    Raises DomainError: NotFound, InvalidInput, WebhookLimit beyond 20 endpoints of a company.
    """
    company = await session.get(Company, company_id, with_for_update={"key_share": True})
    if company is None or not actor.has_company_role(company_id, COMPANY_ROLES):
        raise not_found(Company, "companyId")
    endpoint_count = select(func.count()).where(
        WebhookEndpoint.company_id == company_id,
        WebhookEndpoint.status != WebhookEndpointStatus.ARCHIVED,
    )
    if (await session.scalar(endpoint_count) or 0) >= MAX_ENDPOINTS_PER_COMPANY:
        message = f"A company has at most {MAX_ENDPOINTS_PER_COMPANY} endpoints: archive one first."
        raise DomainError(
            WebhookLimit(path=["input"], message=message, limit=MAX_ENDPOINTS_PER_COMPANY)
        )
    endpoint = WebhookEndpoint(
        company_id=company_id,
        app_id=app.id if app else None,
        nonce=new_nonce(),
        created_by_id=actor.person_id,
        **_column_values(settings, payload_scopes(actor, app)),
    )
    session.add(endpoint)
    return await record_change(session, endpoint, "WEBHOOK_CREATED")


async def update_endpoint(
    session: AsyncSession,
    *,
    actor: Actor,
    endpoint_id: UUID,
    app: App | None,
    settings: EndpointSettings,
    expected_version: int | None,
) -> WebhookEndpoint:
    """Replace the settings; pending deliveries use the new ones.

    Raises DomainError: NotFound, InvalidInput, InvalidTransition, VersionConflict.
    """
    action = WebhookEndpointAction.UPDATE
    endpoint = await MACHINE.begin(session, actor, endpoint_id, action, expected_version)
    before = column_values(endpoint)
    for name, value in _column_values(settings, payload_scopes(actor, app)).items():
        setattr(endpoint, name, value)
    if not raise_version(endpoint, before):
        return endpoint
    return await record_change(session, endpoint, "WEBHOOK_CHANGED")


async def pause(session: AsyncSession, *, actor: Actor, endpoint_id: UUID) -> WebhookEndpoint:
    """Send nothing until it is resumed; `missed_since` tells from when to replay."""
    endpoint = await MACHINE.begin(session, actor, endpoint_id, WebhookEndpointAction.PAUSE)
    MACHINE.move(endpoint, WebhookEndpointStatus.PAUSED)
    return await record_change(session, endpoint, "WEBHOOK_PAUSED")


async def resume(session: AsyncSession, *, actor: Actor, endpoint_id: UUID) -> WebhookEndpoint:
    """Send again, pending deliveries first, with a closed circuit."""
    endpoint = await MACHINE.begin(session, actor, endpoint_id, WebhookEndpointAction.RESUME)
    MACHINE.move(endpoint, WebhookEndpointStatus.ACTIVE)
    endpoint.suspension_reason = None
    endpoint.consecutive_failure_count, endpoint.failing_since, endpoint.circuit_open_until = (
        0,
        None,
        None,
    )
    return await record_change(session, endpoint, "WEBHOOK_RESUMED")


async def archive(session: AsyncSession, *, actor: Actor, endpoint_id: UUID) -> WebhookEndpoint:
    """Stop sending for good; its deliveries can be read for 30 more days."""
    endpoint = await MACHINE.begin(session, actor, endpoint_id, WebhookEndpointAction.ARCHIVE)
    MACHINE.move(endpoint, WebhookEndpointStatus.ARCHIVED)
    return await record_change(session, endpoint, "WEBHOOK_ARCHIVED")


async def rotate_secret(
    session: AsyncSession, *, actor: Actor, endpoint_id: UUID, grace_seconds: int
) -> WebhookEndpoint:
    """Replace the signing secret; the previous one also signs during the grace period.

    Raises DomainError: NotFound, InvalidInput, InvalidTransition.
    """
    endpoint = await MACHINE.begin(session, actor, endpoint_id, WebhookEndpointAction.UPDATE)
    if not 0 <= grace_seconds <= MAX_GRACE_SECONDS:
        message = f"The grace is from 0 to {duration_text(MAX_GRACE_SECONDS)}."
        raise DomainError(InvalidInput(path=["input", "graceSeconds"], message=message))
    endpoint.previous_nonce, endpoint.nonce = endpoint.nonce, new_nonce()
    endpoint.previous_secret_expires_at = await current_time(session, grace_seconds)
    endpoint.version += 1
    return await record_change(session, endpoint, "WEBHOOK_SECRET_ROTATED")


async def list_of_company(
    session: AsyncSession, *, actor: Actor, company_id: UUID, first: int, cursor: str | None
) -> Page[WebhookEndpoint]:
    """A page of the endpoints that the actor manages, newest first.

    Raises DomainError: NotFound, InvalidInput.
    """
    check_page_size(first)
    if not actor.has_company_role(company_id, COMPANY_ROLES):
        raise not_found(Company, "companyId")
    query = select(WebhookEndpoint).where(WebhookEndpoint.company_id == company_id)
    if actor.app_id is not None:
        query = query.where(WebhookEndpoint.app_id == actor.app_id)
    if (start := decode_cursor(cursor, WebhookEndpoint.id)) is not None:
        query = query.where(WebhookEndpoint.id < start[0])
    endpoints = await session.scalars(query.order_by(WebhookEndpoint.id.desc()).limit(first + 1))
    return build_page(endpoints.all(), first, cursor, lambda endpoint: (str(endpoint.id),))


async def visible_endpoint(
    session: AsyncSession, *, actor: Actor, endpoint_id: UUID, path: str = "id"
) -> WebhookEndpoint:
    """The endpoint, for those who manage it. Raises DomainError: NotFound."""
    endpoint = await session.get(WebhookEndpoint, endpoint_id)
    if endpoint is None or not may_manage_endpoint(endpoint, actor):
        raise not_found(WebhookEndpoint, path)
    return endpoint


def _column_values(settings: EndpointSettings, scopes: frozenset[AppScope]) -> dict[str, Any]:
    event_types = list(dict.fromkeys(settings.event_types))
    messages = _unknown_type_messages(event_types)
    for event_type in event_types:
        topic = TOPICS.get(event_type)
        if topic is not None and topic.scope not in scopes:
            messages.append(
                f"{words_text(event_type).capitalize()} needs the scope {topic.scope.token}."
            )
    if messages:
        path = ["input", "eventTypes"]
        problems = [InvalidInput(path=path, message=message) for message in messages]
        raise DomainError(*problems[:MAX_PROBLEMS])
    name = parse_line(settings.name, "input", "name", max_length=MAX_NAME_LENGTH, min_length=1)
    return {
        "name": name,
        "url": settings.url,
        "event_types": event_types,
        "payload_selection": settings.payload_selection,
        "schema_version": settings.schema_version,
        "cost": settings.cost,
        "preserve_order": settings.preserve_order,
    }


def _unknown_type_messages(event_types: list[str]) -> list[str]:
    if not event_types:
        return ["Choose at least one type of event."]
    unknown = [one for one in event_types if one not in TOPICS]
    return [f"There is no type of event {one[:60]!r}." for one in unknown]
