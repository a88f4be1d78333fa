"""Third-party apps and their secrets."""

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
from resolvers.mutations import company_of, run_mutation
from services.core.pages import Page
from services.core.problems import parse_id
from services.integrations import apps

CompanyId = Annotated[
    strawberry.ID, strawberry.argument(description="A company of which the caller is an admin.")
]
AppId = Annotated[strawberry.ID, strawberry.argument(description="The app's id.")]
First = Annotated[int, strawberry.argument(description="Number of rows, from 1 to 100.")]
After = Annotated[str | None, strawberry.argument(description="The cursor to continue after.")]


@dataclass
class AppOutcome:
    """Result of an app mutation: the app, or the problems."""

    app: App | None = None
    errors: list[Any] = field(default_factory=list)


@dataclass
class AppSecretOutcome:
    """Result of a secret mutation; `text` is set only for the request that created the secret."""

    app_secret: AppSecret | None = None
    errors: list[Any] = field(default_factory=list)
    secret_value: str | None = None


class SecretTextHolder:
    """Carries a secret's text past the transaction, whose result is the row alone."""

    def __init__(self) -> None:
        self._text: str | None = None

    def hold(self, created: tuple[AppSecret, str]) -> AppSecret:
        """Keep the text for `outcome`; returns the row."""
        secret, self._text = created
        return secret

    def outcome(self, secret: AppSecret | None = None, errors: Any = ()) -> AppSecretOutcome:
        """The result; without the text if an earlier equal request created the secret."""
        return AppSecretOutcome(secret, list(errors), None if secret is None else self._text)


async def list_of_company(
    info: Info, company_id: CompanyId, first: First, after: After = None
) -> Page[App]:
    key = parse_id(Company, company_id, "companyId")
    async with info.context.read() as session:
        return await apps.list_of_company(
            session, actor=info.context.actor, company_id=key, first=first, cursor=after
        )


async def get_app(info: Info, id: AppId) -> App:
    key = parse_id(App, id, "id")
    async with info.context.read() as session:
        return await apps.visible_app(session, actor=info.context.actor, app_id=key)


async def create(info: Info, input: AppCreateInput) -> AppOutcome:
    async def operation(session: AsyncSession) -> App:
        key = parse_id(Company, input.company_id, "companyId")
        arguments: Any = {"company_id": key, "name": input.name, "scopes": input.scopes}
        return await apps.create(session, actor=info.context.actor, **arguments)

    return await run_mutation(info, AppOutcome, operation, input=input, as_platform=True)


async def update_app(info: Info, input: AppUpdateInput) -> AppOutcome:
    async def operation(session: AsyncSession) -> App:
        arguments: Any = {name: getattr(input, name) for name in UPDATE_ARGUMENTS}
        key = parse_id(App, input.app_id, "appId")
        return await apps.update_app(session, actor=info.context.actor, app_id=key, **arguments)

    company = company_of(info, App, input.app_id, "appId")
    outcome = await run_mutation(info, AppOutcome, operation, input=input, company_id=company)
    info.context.container.authenticator.apps.clear()
    return outcome


async def revoke(info: Info, input: AppRevokeInput) -> AppOutcome:
    async def operation(session: AsyncSession) -> App:
        key = parse_id(App, input.app_id, "appId")
        return await apps.revoke(session, actor=info.context.actor, app_id=key)

    company = company_of(info, App, input.app_id, "appId")
    outcome = await run_mutation(info, AppOutcome, operation, input=input, company_id=company)
    info.context.container.authenticator.apps.clear()
    return outcome


async def create_secret(info: Info, input: AppSecretCreateInput) -> AppSecretOutcome:
    holder = SecretTextHolder()

    async def operation(session: AsyncSession) -> AppSecret:
        key, days = parse_id(App, input.app_id, "appId"), input.expires_in_days
        arguments: Any = {"app_id": key, "kind": input.type, "expires_days": days}
        return holder.hold(await apps.create_secret(session, actor=info.context.actor, **arguments))

    company = company_of(info, App, input.app_id, "appId")
    return await run_mutation(info, holder.outcome, operation, input=input, company_id=company)


async def rotate_secret(info: Info, input: AppSecretRotateInput) -> AppSecretOutcome:
    holder = SecretTextHolder()

    async def operation(session: AsyncSession) -> AppSecret:
        key = parse_id(AppSecret, input.app_secret_id, "appSecretId")
        arguments: Any = {"secret_id": key, "grace_seconds": input.grace_seconds}
        return holder.hold(await apps.rotate_secret(session, actor=info.context.actor, **arguments))

    company = company_of(info, AppSecret, input.app_secret_id, "appSecretId")
    return await run_mutation(info, holder.outcome, operation, input=input, company_id=company)


async def revoke_secret(info: Info, input: AppSecretRevokeInput) -> AppSecretOutcome:
    async def operation(session: AsyncSession) -> AppSecret:
        key = parse_id(AppSecret, input.app_secret_id, "appSecretId")
        return await apps.revoke_secret(session, actor=info.context.actor, secret_id=key)

    company = company_of(info, AppSecret, input.app_secret_id, "appSecretId")
    outcome = await run_mutation(info, AppSecretOutcome, operation, input=input, company_id=company)
    info.context.container.authenticator.apps.clear()
    return outcome


UPDATE_ARGUMENTS = ("name", "scopes", "expected_version")
