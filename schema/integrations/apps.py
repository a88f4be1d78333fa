from datetime import datetime
from typing import Annotated

import strawberry

from dataloaders import integrations as load
from models.identity import AppScope
from models.integrations import App, AppSecret, AppSecretKind
from resolvers.integrations import apps as resolve
from schema.backing import backed_by, column, related
from schema.fields import id_field
from schema.nodes import NodeType
from schema.problems import InvalidInputType, NotFoundType, ProblemType, VersionConflictType
from services.integrations import apps


@backed_by(AppSecret, "What an app proves itself with. Its text was shown once.")
class AppSecretType:
    id: strawberry.ID = id_field(AppSecret)
    kind: AppSecretKind = column("How it is used.")
    hint: str = column("Its beginning and its last four characters.")
    created_at: datetime = column("When it was made.")
    expires_at: datetime = column("When it ends by itself.")
    revoked_at: datetime | None = column("When somebody ended it, if somebody did.")
    last_used_at: datetime | None = column("When it was last used, to the minute.")


@backed_by(App, "A program of a third party that works for a company.")
class AppType(NodeType):
    id: strawberry.ID = id_field(App, "Its id, which is also its OAuth client_id.")
    name: str = column("What people call it.")
    scopes: list[AppScope] = column("What it may do.")
    created_at: datetime = column("When it was made.")
    revoked_at: datetime | None = column("When it was ended, if it was.")
    version: int = column("Grows with each change: pass it as expectedVersion.")
    secrets: list[AppSecretType] = related(load.secrets_by_app, "Its newest secrets, at most 20.")


@backed_by(apps.AppLimit, "There are as many as one may have.")
class AppLimitType(ProblemType):
    most: int = column("How many one may have.")


@backed_by(apps.AppRevoked, "The app was revoked, for ever.")
class AppRevokedType(ProblemType):
    pass


AppCreateError = Annotated[
    NotFoundType | InvalidInputType | AppLimitType,
    strawberry.union("AppCreateError", description="Why no app was made."),
]
AppUpdateError = Annotated[
    NotFoundType | InvalidInputType | AppRevokedType | VersionConflictType,
    strawberry.union("AppUpdateError", description="Why the app stays as it is."),
]
AppRevokeError = Annotated[
    NotFoundType, strawberry.union("AppRevokeError", description="Why no app was ended.")
]
AppSecretCreateError = Annotated[
    NotFoundType | InvalidInputType | AppRevokedType | AppLimitType,
    strawberry.union("AppSecretCreateError", description="Why no secret was made."),
]
AppSecretRotateError = Annotated[
    NotFoundType | InvalidInputType | AppRevokedType | AppLimitType,
    strawberry.union("AppSecretRotateError", description="Why the secret was not replaced."),
]
AppSecretRevokeError = Annotated[
    NotFoundType, strawberry.union("AppSecretRevokeError", description="Why no secret was ended.")
]
ERRORS = "Every reason why nothing was done."
TEXT = "The secret itself: shown here once. Null when an equal request has shown it before."


@backed_by(resolve.AppOutcome, "What appCreate did.")
class AppCreatePayload:
    app: AppType | None = column("The new app.")
    errors: list[AppCreateError] = column(ERRORS)


@backed_by(resolve.AppOutcome, "What appUpdate did.")
class AppUpdatePayload:
    app: AppType | None = column("The app as it is now.")
    errors: list[AppUpdateError] = column(ERRORS)


@backed_by(resolve.AppOutcome, "What appRevoke did.")
class AppRevokePayload:
    app: AppType | None = column("The app that has ended.")
    errors: list[AppRevokeError] = column(ERRORS)


@backed_by(resolve.AppSecretOutcome, "What appSecretCreate did.")
class AppSecretCreatePayload:
    secret: AppSecretType | None = column("The new secret.")
    text: str | None = column(TEXT)
    errors: list[AppSecretCreateError] = column(ERRORS)


@backed_by(resolve.AppSecretOutcome, "What appSecretRotate did.")
class AppSecretRotatePayload:
    secret: AppSecretType | None = column("The new secret; the old one ends after the grace.")
    text: str | None = column(TEXT)
    errors: list[AppSecretRotateError] = column(ERRORS)


@backed_by(resolve.AppSecretOutcome, "What appSecretRevoke did.")
class AppSecretRevokePayload:
    secret: AppSecretType | None = column("The secret that has ended.")
    errors: list[AppSecretRevokeError] = column(ERRORS)
