from typing import Annotated

import strawberry

from resolvers.identity import email_accounts as resolve
from schema.accounts.people import UserType
from schema.backing import backed_by, column
from schema.identity.sign_in import InvalidCredentialsType
from schema.problems import InvalidInputType, NotFoundType, RateLimitedType

EmailSignUpRequestError = Annotated[
    InvalidInputType | RateLimitedType,
    strawberry.union(
        "EmailSignUpRequestError", description="Problems that `emailSignUpRequest` can return."
    ),
]
PasswordResetRequestError = Annotated[
    InvalidInputType | RateLimitedType,
    strawberry.union(
        "PasswordResetRequestError", description="Problems that `passwordResetRequest` can return."
    ),
]
PasswordChangeError = Annotated[
    NotFoundType | InvalidInputType | InvalidCredentialsType | RateLimitedType,
    strawberry.union(
        "PasswordChangeError", description="Problems that `passwordChange` can return."
    ),
]


@backed_by(resolve.LinkRequestOutcome, "Result of `emailSignUpRequest`.")
class EmailSignUpRequestPayload:
    expires_in_seconds: int | None = column("Seconds for which the link is valid.")
    errors: list[EmailSignUpRequestError] = column("Every reason why nothing was sent.")


@backed_by(resolve.LinkRequestOutcome, "Result of `passwordResetRequest`.")
class PasswordResetRequestPayload:
    expires_in_seconds: int | None = column("Seconds for which the link is valid.")
    errors: list[PasswordResetRequestError] = column("Every reason why nothing was sent.")


@backed_by(resolve.PasswordChangeOutcome, "Result of `passwordChange`.")
class PasswordChangePayload:
    user: UserType | None = column("The person whose password was changed.")
    errors: list[PasswordChangeError] = column("The problems; empty if the mutation succeeded.")
