"""Root fields of apps of third parties."""

import strawberry

from resolvers import app as resolve
from resolvers.rules import COMPANY
from schema.app import (
    App,
    AppCreatePayload,
    AppRevokePayload,
    AppSecretCreatePayload,
    AppSecretRevokePayload,
    AppSecretRotatePayload,
    AppUpdatePayload,
)
from schema.backing import field, mutation
from schema.page import Connection


@strawberry.type
class Query:
    apps: Connection[App] | None = field(
        resolve.listed, "The apps of a company, the newest first.", allow=COMPANY
    )
    app: App | None = field(resolve.app, "One app.", allow=COMPANY)


@strawberry.type
class Mutation:
    app_create: AppCreatePayload = mutation(
        resolve.create, "Let a program work for a company.", allow=COMPANY
    )
    app_update: AppUpdatePayload = mutation(
        resolve.change, "Change what an app is called or may do.", allow=COMPANY
    )
    app_revoke: AppRevokePayload = mutation(
        resolve.revoke, "End an app and its secrets, everywhere within 5 seconds.", allow=COMPANY
    )
    app_secret_create: AppSecretCreatePayload = mutation(
        resolve.create_secret, "Make an API key or a client secret.", allow=COMPANY
    )
    app_secret_rotate: AppSecretRotatePayload = mutation(
        resolve.rotate_secret,
        "Replace a secret; both are good until the grace is over.",
        allow=COMPANY,
    )
    app_secret_revoke: AppSecretRevokePayload = mutation(
        resolve.revoke_secret, "End a secret, everywhere within 5 seconds.", allow=COMPANY
    )
