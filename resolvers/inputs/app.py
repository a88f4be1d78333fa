import strawberry

from models import AppScope, AppSecretKind
from services.app import EXPIRES_DAYS, GRACE_SECONDS

APP = "The app."
SECRET = "The secret."  # noqa: S105 - a description


@strawberry.input(description="A program of a third party that is to work for a company.")
class AppCreateInput:
    company_id: strawberry.ID = strawberry.field(description="A company that you run.")
    name: str = strawberry.field(description="What people call it: up to 80 characters.")
    scopes: list[AppScope] = strawberry.field(description="What it may do: as little as it needs.")


@strawberry.input(description="What becomes different about an app.")
class AppUpdateInput:
    app_id: strawberry.ID = strawberry.field(description=APP)
    name: str | None = strawberry.field(default=None, description="Another name.")
    scopes: list[AppScope] | None = strawberry.field(
        default=None, description="All that it may do from now on."
    )
    expected_version: int | None = strawberry.field(
        default=None, description="The version that you have seen; refused if another stands."
    )


@strawberry.input(description="An app to end for ever, with all its secrets.")
class AppRevokeInput:
    app_id: strawberry.ID = strawberry.field(description=APP)


@strawberry.input(description="Something that an app can prove itself with.")
class AppSecretCreateInput:
    app_id: strawberry.ID = strawberry.field(description=APP)
    kind: AppSecretKind = strawberry.field(description="How it will be used.")
    expires_in_days: int = strawberry.field(
        default=EXPIRES_DAYS, description="How long it is good for: from 1 to 730 days."
    )


@strawberry.input(description="A secret to be replaced by another.")
class AppSecretRotateInput:
    secret_id: strawberry.ID = strawberry.field(description=SECRET)
    grace_seconds: int = strawberry.field(
        default=GRACE_SECONDS,
        description="How long the old one goes on beside the new one: up to 604800 seconds.",
    )


@strawberry.input(description="A secret to end at once.")
class AppSecretRevokeInput:
    secret_id: strawberry.ID = strawberry.field(description=SECRET)
