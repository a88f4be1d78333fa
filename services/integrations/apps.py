"""Third-party apps of a company: their scopes and secrets."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from models.accounts import User
from models.companies import Company
from models.identity import Actor, AppScope
from models.integrations import App, AppSecret, AppSecretKind
from models.message_text import duration_text, number_text
from services.core.access import COMPANY_ROLES
from services.core.clock import current_time
from services.core.pages import Page, build_page, check_page_size, decode_cursor
from services.core.problems import DomainError, InvalidInput, Problem, not_found
from services.core.state_machine import check_version, column_values, raise_version
from services.core.text import parse_line
from services.identity.app_secrets import generate, hash_secret, hint

MAX_NAME_LENGTH = 80
MAX_APPS_PER_COMPANY = 50
MAX_ACTIVE_SECRETS_PER_KIND = 2
DEFAULT_EXPIRY_DAYS = 365
MAX_EXPIRY_DAYS = 730
DEFAULT_GRACE_SECONDS = 24 * 3600
MAX_GRACE_SECONDS = 7 * 24 * 3600
MAX_SECRETS_SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class AppLimit(Problem):
    """The maximum number of apps or secrets, which is `most`, is reached."""

    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AppRevoked(Problem):
    """The app was revoked, which is permanent: create another one."""


def may_manage_apps(actor: Actor, company_id: UUID) -> bool:
    """Whether the actor is a person who administers the company; apps can't manage apps."""
    return actor.app_id is None and actor.has_company_role(company_id, COMPANY_ROLES)


async def create(
    session: AsyncSession,
    *,
    actor: Actor,
    company_id: UUID,
    name: str,
    scopes: Collection[AppScope],
) -> App:
    """Create an app with these scopes; it needs a secret before it can sign in.

    Raises DomainError: NotFound, InvalidInput, AppLimit beyond 50 active apps of a company.
    """
    company = await session.get(Company, company_id, with_for_update={"key_share": True})
    if company is None or not may_manage_apps(actor, company_id):
        raise not_found(Company, "companyId")
    app_name = parse_line(name, "input", "name", max_length=MAX_NAME_LENGTH, min_length=1)
    app_count = select(func.count()).where(App.company_id == company_id, App.revoked_at.is_(None))
    if (await session.scalar(app_count) or 0) >= MAX_APPS_PER_COMPANY:
        message = f"A company has at most {MAX_APPS_PER_COMPANY} apps: revoke one first."
        raise DomainError(AppLimit(path=["input"], message=message, limit=MAX_APPS_PER_COMPANY))
    person = User(name=app_name)
    session.add(person)
    await session.flush()
    app = App(
        company_id=company_id,
        person_id=person.id,
        name=app_name,
        opened=_scope_values(scopes),
        created_by_id=actor.person_id,
    )
    session.add(app)
    await session.flush()
    return app


async def update_app(
    session: AsyncSession,
    *,
    actor: Actor,
    app_id: UUID,
    name: str | None,
    scopes: Collection[AppScope] | None,
    expected_version: int | None,
) -> App:
    """Change the name or the scopes; None leaves a value unchanged. Effective within 5 seconds.

    Raises DomainError: NotFound, InvalidInput, AppRevoked, VersionConflict.
    """
    app = await _lock_active(session, actor, app_id)
    check_version(app, expected_version, "Somebody else changed the app.")
    before = column_values(app)
    if name is not None:
        app.name = parse_line(name, "input", "name", max_length=MAX_NAME_LENGTH, min_length=1)
    if scopes is not None:
        app.opened = _scope_values(scopes)
    raise_version(app, before)
    await session.flush()
    return app


async def revoke(session: AsyncSession, *, actor: Actor, app_id: UUID) -> App:
    """Revoke an app and all its secrets; idempotent. Raises DomainError: NotFound."""
    app = await session.get(App, app_id, with_for_update=True, populate_existing=True)
    if app is None or not may_manage_apps(actor, app.company_id):
        raise not_found(App, "appId")
    if app.revoked_at is None:
        app.revoked_at = await current_time(session)
        app.version += 1
        await session.execute(
            update(AppSecret)
            .where(AppSecret.app_id == app.id, AppSecret.revoked_at.is_(None))
            .values(revoked_at=app.revoked_at)
        )
        await session.flush()
    return app


async def create_secret(
    session: AsyncSession,
    *,
    actor: Actor,
    app_id: UUID,
    kind: AppSecretKind,
    expires_days: int,
) -> tuple[AppSecret, str]:
    """Create a secret; returns the row and the secret's text, which is not stored.

    Raises DomainError: NotFound, InvalidInput, AppRevoked, AppLimit beyond two active secrets of
    a kind.
    """
    app = await _lock_active(session, actor, app_id)
    if not 1 <= expires_days <= MAX_EXPIRY_DAYS:
        message = f"A secret lives from 1 to {MAX_EXPIRY_DAYS} days."
        raise DomainError(InvalidInput(path=["input", "expiresInDays"], message=message))
    if len(await _active_secrets(session, app.id, kind)) >= MAX_ACTIVE_SECRETS_PER_KIND:
        raise DomainError(_secret_limit("input"))
    return await _create_secret(session, actor, app, kind, timedelta(days=expires_days))


async def rotate_secret(
    session: AsyncSession, *, actor: Actor, secret_id: UUID, grace_seconds: int
) -> tuple[AppSecret, str]:
    """Replace a secret by one with the same lifetime; the old one expires after the grace period.

    Raises DomainError: NotFound, InvalidInput, AppRevoked, AppLimit if another secret of the kind
    is active.
    """
    secret = await session.get(AppSecret, secret_id)
    if secret is None:
        raise not_found(AppSecret, "appSecretId")
    app = await _lock_active(session, actor, secret.app_id)
    if not 0 <= grace_seconds <= MAX_GRACE_SECONDS:
        message = f"The grace is from 0 to {duration_text(MAX_GRACE_SECONDS)}."
        raise DomainError(InvalidInput(path=["input", "graceSeconds"], message=message))
    active = await _active_secrets(session, app.id, secret.type)
    old = next((one for one in active if one.id == secret_id), None)
    if old is None:
        raise not_found(AppSecret, "appSecretId")
    if len(active) >= MAX_ACTIVE_SECRETS_PER_KIND and grace_seconds:
        raise DomainError(_secret_limit("input", "appSecretId"))
    lifetime = old.expires_at - old.created_at
    replacement = await _create_secret(session, actor, app, old.type, lifetime)
    old.expires_at = min(old.expires_at, await current_time(session, grace_seconds))
    await session.flush()
    return replacement


async def revoke_secret(session: AsyncSession, *, actor: Actor, secret_id: UUID) -> AppSecret:
    """Revoke a secret, effective within 5 seconds; idempotent. Raises DomainError: NotFound."""
    secret = await session.get(AppSecret, secret_id, with_for_update=True, populate_existing=True)
    if secret is None or not may_manage_apps(actor, secret.company_id):
        raise not_found(AppSecret, "appSecretId")
    if secret.revoked_at is None:
        secret.revoked_at = await current_time(session)
        await session.flush()
    return secret


async def list_of_company(
    session: AsyncSession, *, actor: Actor, company_id: UUID, first: int, cursor: str | None
) -> Page[App]:
    """A page of a company's apps, newest first. Raises DomainError: NotFound, InvalidInput."""
    check_page_size(first)
    if not may_manage_apps(actor, company_id):
        raise not_found(Company, "companyId")
    query = select(App).where(App.company_id == company_id)
    if (start := decode_cursor(cursor, App.id)) is not None:
        query = query.where(App.id < start[0])
    apps = await session.scalars(query.order_by(App.id.desc()).limit(first + 1))
    return build_page(apps.all(), first, cursor, lambda app: (str(app.id),))


async def visible_app(session: AsyncSession, *, actor: Actor, app_id: UUID) -> App:
    """The app, for those who administer its company. Raises DomainError: NotFound."""
    app = await session.get(App, app_id)
    if app is None or not may_manage_apps(actor, app.company_id):
        raise not_found(App, "id")
    return app


async def _lock_active(session: AsyncSession, actor: Actor, app_id: UUID) -> App:
    """Lock an app and read it again. Raises DomainError: NotFound, AppRevoked."""
    app = await session.get(App, app_id, with_for_update=True, populate_existing=True)
    if app is None or not may_manage_apps(actor, app.company_id):
        raise not_found(App, "appId")
    if app.revoked_at is not None:
        raise DomainError(AppRevoked(path=["input", "appId"], message="This app was revoked."))
    return app


async def _active_secrets(
    session: AsyncSession, app_id: UUID, kind: AppSecretKind
) -> Sequence[AppSecret]:
    secrets = await session.scalars(
        select(AppSecret)
        .where(
            AppSecret.app_id == app_id,
            AppSecret.type == kind,
            AppSecret.revoked_at.is_(None),
            AppSecret.expires_at > func.clock_timestamp(),
        )
        .order_by(AppSecret.id)
        .limit(MAX_ACTIVE_SECRETS_PER_KIND)
    )
    return secrets.all()


async def _create_secret(
    session: AsyncSession, actor: Actor, app: App, kind: AppSecretKind, lifetime: timedelta
) -> tuple[AppSecret, str]:
    text = generate(kind)
    secret = AppSecret(
        company_id=app.company_id,
        app_id=app.id,
        type=kind,
        hash=hash_secret(text),
        masked_value=hint(text),
        created_by_id=actor.person_id,
        expires_at=await current_time(session, lifetime.total_seconds()),
    )
    session.add(secret)
    await session.flush()
    await session.refresh(secret)
    return secret, text


def _scope_values(scopes: Collection[AppScope]) -> list[str]:
    if not scopes:
        message = "Choose at least one scope."
        raise DomainError(InvalidInput(path=["input", "scopes"], message=message))
    return [scope.value for scope in AppScope if scope in scopes]


def _secret_limit(*path: str) -> AppLimit:
    limit = MAX_ACTIVE_SECRETS_PER_KIND
    message = f"An app has at most {number_text(limit)} live secrets of a kind: revoke one first."
    return AppLimit(path=list(path), message=message, limit=limit)
