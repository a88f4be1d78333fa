"""Apps of third parties."""

from dataclasses import dataclass, field
from typing import Annotated, Any

import strawberry
from sqlalchemy.ext.asyncio import AsyncSession

from models.companies import Company
from models.integrations import App, AppSecret
from resolvers.context import Info
from resolvers.integrations.inputs import (
    AppCreateInput,
    AppRevokeInput,
    AppSecretCreateInput,
    AppSecretRevokeInput,
    AppSecretRotateInput,
    AppUpdateInput,
)
from resolvers.mutations import attempt, of
from services.core.pages import Page
from services.core.problems import key_of
from services.integrations import apps

CompanyId = Annotated[strawberry.ID, strawberry.argument(description="A company that you run.")]
AppId = Annotated[strawberry.ID, strawberry.argument(description="The app's id.")]
First = Annotated[int, strawberry.argument(description="How many, from 1 to 100.")]
After = Annotated[str | None, strawberry.argument(description="The cursor to continue after.")]


@dataclass
class AppOutcome:
    """What the writes of apps answer."""

    app: App | None = None
    errors: list[Any] = field(default_factory=list)


@dataclass
class AppSecretOutcome:
    """What the writes of secrets answer; `text` to the one request that made the secret."""

    secret: AppSecret | None = None
    errors: list[Any] = field(default_factory=list)
    text: str | None = None


class Shown:
    """Carries a secret's text past the unit of work, which keeps the row alone."""

    def __init__(self) -> None:
        self._text: str | None = None

    def keep(self, made: tuple[AppSecret, str]) -> AppSecret:
        """The row; its text is kept for `told`."""
        row, self._text = made
        return row

    def told(self, secret: AppSecret | None = None, errors: Any = ()) -> AppSecretOutcome:
        """The outcome: without the text when an equal request has made the secret before."""
        return AppSecretOutcome(secret, list(errors), None if secret is None else self._text)


async def listed(info: Info, company_id: CompanyId, first: First, after: After = None) -> Page[App]:
    key = key_of(Company, company_id, "companyId")
    async with info.context.read() as session:
        return await apps.listed(
            session, actor=info.context.actor, company_id=key, first=first, cursor=after
        )


async def app(info: Info, id: AppId) -> App:
    key = key_of(App, id, "id")
    async with info.context.read() as session:
        return await apps.visible(session, actor=info.context.actor, app_id=key)


async def create(info: Info, input: AppCreateInput) -> AppOutcome:
    async def verb(session: AsyncSession) -> App:
        key = key_of(Company, input.company_id, "companyId")
        given: Any = {"company_id": key, "name": input.name, "scopes": input.scopes}
        return await apps.create(session, actor=info.context.actor, **given)

    return await attempt(info, AppOutcome, verb, input=input, anywhere=True)


async def change(info: Info, input: AppUpdateInput) -> AppOutcome:
    async def verb(session: AsyncSession) -> App:
        given: Any = {name: getattr(input, name) for name in CHANGED}
        key = key_of(App, input.app_id, "appId")
        return await apps.change(session, actor=info.context.actor, app_id=key, **given)

    company = of(info, App, input.app_id, "appId")
    done = await attempt(info, AppOutcome, verb, input=input, company_id=company)
    info.context.house.identity.apps.forget()
    return done


async def revoke(info: Info, input: AppRevokeInput) -> AppOutcome:
    async def verb(session: AsyncSession) -> App:
        key = key_of(App, input.app_id, "appId")
        return await apps.revoke(session, actor=info.context.actor, app_id=key)

    company = of(info, App, input.app_id, "appId")
    done = await attempt(info, AppOutcome, verb, input=input, company_id=company)
    info.context.house.identity.apps.forget()
    return done


async def create_secret(info: Info, input: AppSecretCreateInput) -> AppSecretOutcome:
    shown = Shown()

    async def verb(session: AsyncSession) -> AppSecret:
        key, days = key_of(App, input.app_id, "appId"), input.expires_in_days
        given: Any = {"app_id": key, "kind": input.kind, "expires_days": days}
        return shown.keep(await apps.create_secret(session, actor=info.context.actor, **given))

    company = of(info, App, input.app_id, "appId")
    return await attempt(info, shown.told, verb, input=input, company_id=company)


async def rotate_secret(info: Info, input: AppSecretRotateInput) -> AppSecretOutcome:
    shown = Shown()

    async def verb(session: AsyncSession) -> AppSecret:
        key = key_of(AppSecret, input.secret_id, "secretId")
        given: Any = {"secret_id": key, "grace_seconds": input.grace_seconds}
        return shown.keep(await apps.rotate_secret(session, actor=info.context.actor, **given))

    company = of(info, AppSecret, input.secret_id, "secretId")
    return await attempt(info, shown.told, verb, input=input, company_id=company)


async def revoke_secret(info: Info, input: AppSecretRevokeInput) -> AppSecretOutcome:
    async def verb(session: AsyncSession) -> AppSecret:
        key = key_of(AppSecret, input.secret_id, "secretId")
        return await apps.revoke_secret(session, actor=info.context.actor, secret_id=key)

    company = of(info, AppSecret, input.secret_id, "secretId")
    done = await attempt(info, AppSecretOutcome, verb, input=input, company_id=company)
    info.context.house.identity.apps.forget()
    return done


CHANGED = ("name", "scopes", "expected_version")
