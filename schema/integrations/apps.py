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


@backed_by(AppSecret, "A credential of an app. Its text is shown once, when it is created.")
class AppSecretType:
    id: strawberry.ID = id_field(AppSecret)
    type: AppSecretKind = column("How the app authenticates with it.")
    masked_value: str = column("Its prefix and its last four characters.")
    created_at: datetime = column("Time when it was created.")
    expires_at: datetime = column("Time when it expires.")
    revoked_at: datetime | None = column("Time when it was revoked; null if it was not.")
    last_used_at: datetime | None = column("Time when it was last used, to the minute.")


@backed_by(App, "An application of a third party with access to a company.")
class AppType(NodeType):
    id: strawberry.ID = id_field(App, "Its id, which is also its OAuth client_id.")
    name: str = column("Its name.")
    scopes: list[AppScope] = column("Its permissions.")
    created_at: datetime = column("Time when it was created.")
    revoked_at: datetime | None = column("Time when it was revoked; null if it was not.")
    version: int = column("Increases with each change; pass it as expectedVersion.")
    secrets: list[AppSecretType] = related(load.secrets_by_app, "Its newest secrets, 20 at most.")


@backed_by(apps.AppLimit, "The maximum number is reached.")
class AppLimitType(ProblemType):
    limit: int = column("The maximum number.")


@backed_by(apps.AppRevoked, "The app was revoked for good.")
class AppRevokedType(ProblemType):
    pass


AppCreateError = Annotated[
    NotFoundType | InvalidInputType | AppLimitType,
    strawberry.union("AppCreateError", description="Problems that `appCreate` can return."),
]
AppUpdateError = Annotated[
    NotFoundType | InvalidInputType | AppRevokedType | VersionConflictType,
    strawberry.union("AppUpdateError", description="Problems that `appUpdate` can return."),
]
AppRevokeError = Annotated[
    NotFoundType,
    strawberry.union("AppRevokeError", description="Problems that `appRevoke` can return."),
]
AppSecretCreateError = Annotated[
    NotFoundType | InvalidInputType | AppRevokedType | AppLimitType,
    strawberry.union(
        "AppSecretCreateError", description="Problems that `appSecretCreate` can return."
    ),
]
AppSecretRotateError = Annotated[
    NotFoundType | InvalidInputType | AppRevokedType | AppLimitType,
    strawberry.union(
        "AppSecretRotateError", description="Problems that `appSecretRotate` can return."
    ),
]
AppSecretRevokeError = Annotated[
    NotFoundType,
    strawberry.union(
        "AppSecretRevokeError", description="Problems that `appSecretRevoke` can return."
    ),
]
ERRORS = "The problems; empty if the mutation succeeded."
TEXT = "The text of the secret, shown once. Null if an earlier equal request has returned it."


@backed_by(resolve.AppOutcome, "Result of `appCreate`.")
class AppCreatePayload:
    app: AppType | None = column("The new app.")
    errors: list[AppCreateError] = column(ERRORS)


@backed_by(resolve.AppOutcome, "Result of `appUpdate`.")
class AppUpdatePayload:
    app: AppType | None = column("The app as it is now.")
    errors: list[AppUpdateError] = column(ERRORS)


@backed_by(resolve.AppOutcome, "Result of `appRevoke`.")
class AppRevokePayload:
    app: AppType | None = column("The revoked app.")
    errors: list[AppRevokeError] = column(ERRORS)


@backed_by(resolve.AppSecretOutcome, "Result of `appSecretCreate`.")
class AppSecretCreatePayload:
    app_secret: AppSecretType | None = column("The new secret.")
    secret_value: str | None = column(TEXT)
    errors: list[AppSecretCreateError] = column(ERRORS)


@backed_by(resolve.AppSecretOutcome, "Result of `appSecretRotate`.")
class AppSecretRotatePayload:
    app_secret: AppSecretType | None = column(
        "The new secret; the old one expires after the grace period."
    )
    secret_value: str | None = column(TEXT)
    errors: list[AppSecretRotateError] = column(ERRORS)


@backed_by(resolve.AppSecretOutcome, "Result of `appSecretRevoke`.")
class AppSecretRevokePayload:
    app_secret: AppSecretType | None = column("The revoked secret.")
    errors: list[AppSecretRevokeError] = column(ERRORS)
