"""Endpoints of third parties: where a company's events go, which, and what is told of them."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.companies import Company
from models.identity import Actor, AppScope
from models.integrations import App, WebhookAction, WebhookEndpoint, WebhookStatus
from services.core.access import COMPANY_ROLES
from services.core.clock import moment
from services.core.pages import Page, after, bounded, page
from services.core.problems import (
    IllegalStep,
    InvalidInput,
    Problem,
    Refused,
    VersionConflict,
    not_found,
)
from services.core.text import line
from services.events.event_log import happened, webhook_stream
from services.integrations.webhook_signatures import nonce
from services.integrations.webhook_topics import TOPICS

NAME_LENGTH = 80
ENDPOINTS_COUNT = 20
GRACE_SECONDS = 24 * 3600
GRACE_MOST_SECONDS = 7 * 24 * 3600
LIVE = frozenset({WebhookStatus.ACTIVE, WebhookStatus.PAUSED, WebhookStatus.SUSPENDED})
STEPS: dict[WebhookAction, frozenset[WebhookStatus]] = {
    WebhookAction.UPDATE: LIVE,
    WebhookAction.PAUSE: frozenset({WebhookStatus.ACTIVE}),
    WebhookAction.RESUME: LIVE - {WebhookStatus.ACTIVE},
    WebhookAction.REPLAY: LIVE,
    WebhookAction.ARCHIVE: LIVE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookLimit(Problem):
    """The company has as many endpoints as it may: `most`."""

    most: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectionInvalid(Problem):
    """The selection can't be sent: each reason as the graph says it."""

    reasons: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What an endpoint wants; the address and the selection have been looked at already."""

    name: str
    url: str
    event_types: Collection[str]
    selection: str
    schema_version: str
    cost: int
    ordered: bool


def legal(status: WebhookStatus) -> list[WebhookAction]:
    """The steps that can be taken from here."""
    return [action for action, states in STEPS.items() if status in states]


def minds(actor: Actor, row: WebhookEndpoint) -> bool:
    """Whether the actor runs the endpoint's company, or is the very app that it belongs to."""
    if actor.app_id is not None and row.app_id != actor.app_id:
        return False
    return actor.acts_for(row.company_id, COMPANY_ROLES)


def scopes_of(actor: Actor, app: App | None) -> frozenset[AppScope]:
    """What payloads may tell: the app's scopes, or all when a company hears for itself."""
    if app is not None:
        return frozenset(app.scopes)
    return actor.scopes if actor.app_id is not None else frozenset(AppScope)


async def app_for(
    session: AsyncSession, actor: Actor, company_id: UUID, app_id: UUID | None
) -> App | None:
    """For which app an endpoint is to be: an app's own are always its own. Refused: NotFound."""
    wanted = actor.app_id or app_id
    if not actor.acts_for(company_id, COMPANY_ROLES):
        raise not_found(Company, "companyId")
    if wanted is None:
        return None
    found = await session.get(App, wanted)
    usable = found is not None and found.company_id == company_id and found.revoked_at is None
    if found is None or not usable or (app_id not in (None, wanted)):
        raise not_found(App, "appId")
    return found


async def create(
    session: AsyncSession, *, actor: Actor, company_id: UUID, app: App | None, wish: Wish
) -> WebhookEndpoint:
    """An endpoint that hears of what happens from now on.

    Refused: NotFound, InvalidInput, WebhookLimit beyond 20 endpoints of a company.
    """
    company = await session.get(Company, company_id, with_for_update={"key_share": True})
    if company is None or not actor.acts_for(company_id, COMPANY_ROLES):
        raise not_found(Company, "companyId")
    standing = select(func.count()).where(
        WebhookEndpoint.company_id == company_id,
        WebhookEndpoint.status != WebhookStatus.ARCHIVED,
    )
    if (await session.scalar(standing) or 0) >= ENDPOINTS_COUNT:
        message = f"A company has at most {ENDPOINTS_COUNT} endpoints: archive one first."
        raise Refused(WebhookLimit(path=["input"], message=message, most=ENDPOINTS_COUNT))
    row = WebhookEndpoint(
        company_id=company_id,
        app_id=app.id if app else None,
        nonce=nonce(),
        created_by_id=actor.person_id,
        **_columns(wish, scopes_of(actor, app)),
    )
    session.add(row)
    return await _told(session, row, "WEBHOOK_CREATED")


async def change(
    session: AsyncSession,
    *,
    actor: Actor,
    endpoint_id: UUID,
    app: App | None,
    wish: Wish,
    expected_version: int | None,
) -> WebhookEndpoint:
    """Another address, selection or choice of events; what waits is told in the new words.

    Refused: NotFound, InvalidInput, IllegalStep, VersionConflict.
    """
    row = await entered(session, actor, endpoint_id, WebhookAction.UPDATE)
    if expected_version not in (None, row.version):
        message = "Somebody else changed the endpoint."
        path = ["input", "expectedVersion"]
        raise Refused(VersionConflict(path=path, message=message, current=row.version))
    for name, value in _columns(wish, scopes_of(actor, app)).items():
        setattr(row, name, value)
    return await _told(session, row, "WEBHOOK_CHANGED")


async def pause(session: AsyncSession, *, actor: Actor, endpoint_id: UUID) -> WebhookEndpoint:
    """Send nothing until it is resumed; `missed_since` will say from when to replay."""
    row = await entered(session, actor, endpoint_id, WebhookAction.PAUSE)
    row.status = WebhookStatus.PAUSED
    return await _told(session, row, "WEBHOOK_PAUSED")


async def resume(session: AsyncSession, *, actor: Actor, endpoint_id: UUID) -> WebhookEndpoint:
    """Send again, what waits first, with the circuit closed."""
    row = await entered(session, actor, endpoint_id, WebhookAction.RESUME)
    row.status, row.suspended_because = WebhookStatus.ACTIVE, None
    row.failures, row.failing_since, row.circuit_open_until = 0, None, None
    return await _told(session, row, "WEBHOOK_RESUMED")


async def archive(session: AsyncSession, *, actor: Actor, endpoint_id: UUID) -> WebhookEndpoint:
    """Send nothing to it ever again; its log stays for 30 days."""
    row = await entered(session, actor, endpoint_id, WebhookAction.ARCHIVE)
    row.status = WebhookStatus.ARCHIVED
    return await _told(session, row, "WEBHOOK_ARCHIVED")


async def rotate(
    session: AsyncSession, *, actor: Actor, endpoint_id: UUID, grace_seconds: int
) -> WebhookEndpoint:
    """Another signing secret; both sign until the grace is over."""
    row = await entered(session, actor, endpoint_id, WebhookAction.UPDATE)
    if not 0 <= grace_seconds <= GRACE_MOST_SECONDS:
        message = f"The grace is from 0 to {GRACE_MOST_SECONDS} seconds."
        raise Refused(InvalidInput(path=["input", "graceSeconds"], message=message))
    row.previous_nonce, row.nonce = row.nonce, nonce()
    row.previous_until = await moment(session, grace_seconds)
    return await _told(session, row, "WEBHOOK_SECRET_ROTATED")


async def listed(
    session: AsyncSession, *, actor: Actor, company_id: UUID, first: int, cursor: str | None
) -> Page[WebhookEndpoint]:
    """A page of the endpoints that the actor minds, the newest first. Refused: NotFound."""
    bounded(first)
    if not actor.acts_for(company_id, COMPANY_ROLES):
        raise not_found(Company, "companyId")
    rows = select(WebhookEndpoint).where(WebhookEndpoint.company_id == company_id)
    if actor.app_id is not None:
        rows = rows.where(WebhookEndpoint.app_id == actor.app_id)
    if (start := after(cursor, UUID)) is not None:
        rows = rows.where(WebhookEndpoint.id < start[0])
    found = await session.scalars(rows.order_by(WebhookEndpoint.id.desc()).limit(first + 1))
    return page(found.all(), first, lambda row: (str(row.id),))


async def visible(
    session: AsyncSession, *, actor: Actor, endpoint_id: UUID, path: str = "id"
) -> WebhookEndpoint:
    """One endpoint, for those who mind it. Refused: NotFound."""
    row = await session.get(WebhookEndpoint, endpoint_id)
    if row is None or not minds(actor, row):
        raise not_found(WebhookEndpoint, path)
    return row


async def entered(
    session: AsyncSession, actor: Actor, endpoint_id: UUID, action: WebhookAction
) -> WebhookEndpoint:
    """The locked row, if this step may be taken. Refused: NotFound, IllegalStep."""
    row = await session.get(
        WebhookEndpoint, endpoint_id, with_for_update=True, populate_existing=True
    )
    if row is None or not minds(actor, row):
        raise not_found(WebhookEndpoint, "endpointId")
    steps = legal(row.status)
    if action not in steps:
        message = f"{action} can't be done while the endpoint is {row.status}."
        path = ["input", "endpointId"]
        raise Refused(IllegalStep(path=path, message=message, state=row.status, legal=[*steps]))
    return row


async def _told(session: AsyncSession, row: WebhookEndpoint, type: str) -> WebhookEndpoint:
    if type != "WEBHOOK_CREATED":
        row.version += 1
    await session.flush()
    body = {"endpoint_id": row.id, "status": row.status}
    happened(session, webhook_stream(row.id), type, body, company_id=row.company_id)
    await session.refresh(row)
    return row


def _columns(wish: Wish, scopes: frozenset[AppScope]) -> dict[str, Any]:
    types = list(dict.fromkeys(wish.event_types))
    reasons = [InvalidInput(path=["input", "eventTypes"], message=said) for said in _no(types)]
    for chosen in types:
        topic = TOPICS.get(chosen)
        if topic is not None and topic.scope not in scopes:
            said = f"{chosen} needs the scope {topic.scope.token}."
            reasons.append(InvalidInput(path=["input", "eventTypes"], message=said))
    if reasons:
        raise Refused(*reasons[:10])
    return {
        "name": line(wish.name, "input", "name", most=NAME_LENGTH, least=1),
        "url": wish.url,
        "event_types": types,
        "selection": wish.selection,
        "schema_version": wish.schema_version,
        "cost": wish.cost,
        "ordered": wish.ordered,
    }


def _no(types: list[str]) -> list[str]:
    if not types:
        return ["Choose at least one type of event."]
    return [f"There is no type of event {one[:60]!r}." for one in types if one not in TOPICS]


def utc(at: datetime, *path: str) -> datetime:
    """A moment with its offset, in UTC; refused without one."""
    if at.tzinfo is None:
        raise Refused(InvalidInput(path=list(path), message="Give the moment with its offset."))
    return at.astimezone(UTC)
