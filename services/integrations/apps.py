"""Apps of third parties: what a company lets them do, and what they prove themselves with."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from models.accounts import Person
from models.companies import Company
from models.identity import Actor, AppScope
from models.integrations import App, AppSecret, AppSecretKind
from services.core.access import COMPANY_ROLES
from services.core.clock import moment
from services.core.pages import Page, after, bounded, page
from services.core.problems import InvalidInput, Problem, Refused, VersionConflict, not_found
from services.core.text import line
from services.identity.app_secrets import hashed, hint, made

NAME_LENGTH = 80
APPS_COUNT = 50
LIVE_SECRETS_COUNT = 2
EXPIRES_DAYS = 365
EXPIRES_MOST_DAYS = 730
GRACE_SECONDS = 24 * 3600
GRACE_MOST_SECONDS = 7 * 24 * 3600
SECRETS_SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class AppLimit(Problem):
    """There are as many already as one may have: `most`."""

    most: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AppRevoked(Problem):
    """The app was revoked, which is for ever: make another one."""


def runs(actor: Actor, company_id: UUID) -> bool:
    """Whether the actor is a person who runs the company: no app ever looks after apps."""
    return actor.app_id is None and actor.acts_for(company_id, COMPANY_ROLES)


async def create(
    session: AsyncSession,
    *,
    actor: Actor,
    company_id: UUID,
    name: str,
    scopes: Collection[AppScope],
) -> App:
    """An app that may do this in the company; it needs a secret next.

    Refused: NotFound, InvalidInput, AppLimit beyond 50 live apps of a company.
    """
    company = await session.get(Company, company_id, with_for_update={"key_share": True})
    if company is None or not runs(actor, company_id):
        raise not_found(Company, "companyId")
    called = line(name, "input", "name", most=NAME_LENGTH, least=1)
    live = select(func.count()).where(App.company_id == company_id, App.revoked_at.is_(None))
    if (await session.scalar(live) or 0) >= APPS_COUNT:
        message = f"A company has at most {APPS_COUNT} apps: revoke one first."
        raise Refused(AppLimit(path=["input"], message=message, most=APPS_COUNT))
    person = Person(name=called)
    session.add(person)
    await session.flush()
    row = App(
        company_id=company_id,
        person_id=person.id,
        name=called,
        opened=_chosen(scopes),
        created_by_id=actor.person_id,
    )
    session.add(row)
    await session.flush()
    return row


async def change(
    session: AsyncSession,
    *,
    actor: Actor,
    app_id: UUID,
    name: str | None,
    scopes: Collection[AppScope] | None,
    expected_version: int | None,
) -> App:
    """Another name or other scopes; what is left out stays. Holds for requests after 5 seconds.

    Refused: NotFound, InvalidInput, AppRevoked, VersionConflict.
    """
    row = await _locked(session, actor, app_id)
    if expected_version not in (None, row.version):
        message = "Somebody else changed the app."
        path = ["input", "expectedVersion"]
        raise Refused(VersionConflict(path=path, message=message, current=row.version))
    if name is not None:
        row.name = line(name, "input", "name", most=NAME_LENGTH, least=1)
    if scopes is not None:
        row.opened = _chosen(scopes)
    row.version += 1
    await session.flush()
    return row


async def revoke(session: AsyncSession, *, actor: Actor, app_id: UUID) -> App:
    """End an app and all that it proves itself with; doing it twice changes nothing."""
    row = await session.get(App, app_id, with_for_update=True, populate_existing=True)
    if row is None or not runs(actor, row.company_id):
        raise not_found(App, "appId")
    if row.revoked_at is None:
        row.revoked_at = await moment(session)
        row.version += 1
        await session.execute(
            update(AppSecret)
            .where(AppSecret.app_id == row.id, AppSecret.revoked_at.is_(None))
            .values(revoked_at=row.revoked_at)
        )
        await session.flush()
    return row


async def create_secret(
    session: AsyncSession,
    *,
    actor: Actor,
    app_id: UUID,
    kind: AppSecretKind,
    expires_days: int,
) -> tuple[AppSecret, str]:
    """A secret and its text, which is nowhere to be found again.

    Refused: NotFound, InvalidInput, AppRevoked, AppLimit beyond two live ones of a kind.
    """
    row = await _locked(session, actor, app_id)
    if not 1 <= expires_days <= EXPIRES_MOST_DAYS:
        message = f"A secret lives from 1 to {EXPIRES_MOST_DAYS} days."
        raise Refused(InvalidInput(path=["input", "expiresInDays"], message=message))
    if len(await _live(session, row.id, kind)) >= LIVE_SECRETS_COUNT:
        raise Refused(_enough("input"))
    return await _made(session, actor, row, kind, timedelta(days=expires_days))


async def rotate_secret(
    session: AsyncSession, *, actor: Actor, secret_id: UUID, grace_seconds: int
) -> tuple[AppSecret, str]:
    """A secret that takes another's place and lives as long; the other ends after the grace.

    Refused: NotFound, InvalidInput, AppRevoked, AppLimit while an earlier one is in its grace.
    """
    found = await session.get(AppSecret, secret_id)
    if found is None:
        raise not_found(AppSecret, "secretId")
    row = await _locked(session, actor, found.app_id)
    if not 0 <= grace_seconds <= GRACE_MOST_SECONDS:
        message = f"The grace is from 0 to {GRACE_MOST_SECONDS} seconds."
        raise Refused(InvalidInput(path=["input", "graceSeconds"], message=message))
    live = await _live(session, row.id, found.kind)
    old = next((one for one in live if one.id == secret_id), None)
    if old is None:
        raise not_found(AppSecret, "secretId")
    if len(live) >= LIVE_SECRETS_COUNT and grace_seconds:
        raise Refused(_enough("input", "secretId"))
    given = await _made(session, actor, row, old.kind, old.expires_at - old.created_at)
    old.expires_at = min(old.expires_at, await moment(session, grace_seconds))
    await session.flush()
    return given


async def revoke_secret(session: AsyncSession, *, actor: Actor, secret_id: UUID) -> AppSecret:
    """End a secret, within 5 seconds wherever it is used; doing it twice changes nothing."""
    row = await session.get(AppSecret, secret_id, with_for_update=True, populate_existing=True)
    if row is None or not runs(actor, row.company_id):
        raise not_found(AppSecret, "secretId")
    if row.revoked_at is None:
        row.revoked_at = await moment(session)
        await session.flush()
    return row


async def listed(
    session: AsyncSession, *, actor: Actor, company_id: UUID, first: int, cursor: str | None
) -> Page[App]:
    """A page of a company's apps, the newest first. Refused: NotFound, InvalidInput."""
    bounded(first)
    if not runs(actor, company_id):
        raise not_found(Company, "companyId")
    rows = select(App).where(App.company_id == company_id)
    if (start := after(cursor, UUID)) is not None:
        rows = rows.where(App.id < start[0])
    found = await session.scalars(rows.order_by(App.id.desc()).limit(first + 1))
    return page(found.all(), first, lambda row: (str(row.id),))


async def visible(session: AsyncSession, *, actor: Actor, app_id: UUID) -> App:
    """One app, for those who run its company. Refused: NotFound."""
    row = await session.get(App, app_id)
    if row is None or not runs(actor, row.company_id):
        raise not_found(App, "id")
    return row


async def _locked(session: AsyncSession, actor: Actor, app_id: UUID) -> App:
    row = await session.get(App, app_id, with_for_update=True, populate_existing=True)
    if row is None or not runs(actor, row.company_id):
        raise not_found(App, "appId")
    if row.revoked_at is not None:
        raise Refused(AppRevoked(path=["input", "appId"], message="This app was revoked."))
    return row


async def _live(session: AsyncSession, app_id: UUID, kind: AppSecretKind) -> Sequence[AppSecret]:
    rows = await session.scalars(
        select(AppSecret)
        .where(
            AppSecret.app_id == app_id,
            AppSecret.kind == kind,
            AppSecret.revoked_at.is_(None),
            AppSecret.expires_at > func.clock_timestamp(),
        )
        .order_by(AppSecret.id)
        .limit(LIVE_SECRETS_COUNT)
    )
    return rows.all()


async def _made(
    session: AsyncSession, actor: Actor, app: App, kind: AppSecretKind, life: timedelta
) -> tuple[AppSecret, str]:
    text = made(kind)
    row = AppSecret(
        company_id=app.company_id,
        app_id=app.id,
        kind=kind,
        hash=hashed(text),
        hint=hint(text),
        created_by_id=actor.person_id,
        expires_at=await moment(session, life.total_seconds()),
    )
    session.add(row)
    await session.flush()
    await session.refresh(row)
    return row, text


def _chosen(scopes: Collection[AppScope]) -> list[str]:
    if not scopes:
        message = "Choose at least one scope."
        raise Refused(InvalidInput(path=["input", "scopes"], message=message))
    return [scope.value for scope in AppScope if scope in scopes]


def _enough(*path: str) -> AppLimit:
    message = f"An app has at most {LIVE_SECRETS_COUNT} live secrets of a kind: revoke one first."
    return AppLimit(path=list(path), message=message, most=LIVE_SECRETS_COUNT)
