from datetime import datetime
from typing import Annotated

import strawberry

import models
from dataloaders import integrations as load
from resolvers.integrations import apps as resolve
from schema.backing import backed_by, column, related
from schema.fields import key
from schema.nodes import Node
from schema.problems import InvalidInput, NotFound, Problem, VersionConflict
from services.integrations import apps


@backed_by(models.AppSecret, "What an app proves itself with. Its text was shown once.")
class AppSecret:
    id: strawberry.ID = key(models.AppSecret)
    kind: models.AppSecretKind = column("How it is used.")
    hint: str = column("Its beginning and its last four characters.")
    created_at: datetime = column("When it was made.")
    expires_at: datetime = column("When it ends by itself.")
    revoked_at: datetime | None = column("When somebody ended it, if somebody did.")
    last_used_at: datetime | None = column("When it was last used, to the minute.")


@backed_by(models.App, "A program of a third party that works for a company.")
class App(Node):
    id: strawberry.ID = key(models.App, "Its id, which is also its OAuth client_id.")
    name: str = column("What people call it.")
    scopes: list[models.AppScope] = column("What it may do.")
    created_at: datetime = column("When it was made.")
    revoked_at: datetime | None = column("When it was ended, if it was.")
    version: int = column("Grows with each change: pass it as expectedVersion.")
    secrets: list[AppSecret] = related(load.secrets_by_app, "Its newest secrets, at most 20.")


@backed_by(apps.AppLimit, "There are as many as one may have.")
class AppLimit(Problem):
    most: int = column("How many one may have.")


@backed_by(apps.AppRevoked, "The app was revoked, for ever.")
class AppRevoked(Problem):
    pass


AppCreateError = Annotated[
    NotFound | InvalidInput | AppLimit,
    strawberry.union("AppCreateError", description="Why no app was made."),
]
AppUpdateError = Annotated[
    NotFound | InvalidInput | AppRevoked | VersionConflict,
    strawberry.union("AppUpdateError", description="Why the app stays as it is."),
]
AppRevokeError = Annotated[
    NotFound, strawberry.union("AppRevokeError", description="Why no app was ended.")
]
AppSecretCreateError = Annotated[
    NotFound | InvalidInput | AppRevoked | AppLimit,
    strawberry.union("AppSecretCreateError", description="Why no secret was made."),
]
AppSecretRotateError = Annotated[
    NotFound | InvalidInput | AppRevoked | AppLimit,
    strawberry.union("AppSecretRotateError", description="Why the secret was not replaced."),
]
AppSecretRevokeError = Annotated[
    NotFound, strawberry.union("AppSecretRevokeError", description="Why no secret was ended.")
]
ERRORS = "Every reason why nothing was done."
TEXT = "The secret itself: shown here once. Null when an equal request has shown it before."


@backed_by(resolve.AppOutcome, "What appCreate did.")
class AppCreatePayload:
    app: App | None = column("The new app.")
    errors: list[AppCreateError] = column(ERRORS)


@backed_by(resolve.AppOutcome, "What appUpdate did.")
class AppUpdatePayload:
    app: App | None = column("The app as it is now.")
    errors: list[AppUpdateError] = column(ERRORS)


@backed_by(resolve.AppOutcome, "What appRevoke did.")
class AppRevokePayload:
    app: App | None = column("The app that has ended.")
    errors: list[AppRevokeError] = column(ERRORS)


@backed_by(resolve.AppSecretOutcome, "What appSecretCreate did.")
class AppSecretCreatePayload:
    secret: AppSecret | None = column("The new secret.")
    text: str | None = column(TEXT)
    errors: list[AppSecretCreateError] = column(ERRORS)


@backed_by(resolve.AppSecretOutcome, "What appSecretRotate did.")
class AppSecretRotatePayload:
    secret: AppSecret | None = column("The new secret; the old one ends after the grace.")
    text: str | None = column(TEXT)
    errors: list[AppSecretRotateError] = column(ERRORS)


@backed_by(resolve.AppSecretOutcome, "What appSecretRevoke did.")
class AppSecretRevokePayload:
    secret: AppSecret | None = column("The secret that has ended.")
    errors: list[AppSecretRevokeError] = column(ERRORS)
