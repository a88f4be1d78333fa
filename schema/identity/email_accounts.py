from typing import Annotated

import strawberry

from resolvers.identity import email_accounts as resolve
from schema.accounts.people import PersonType
from schema.backing import backed_by, column
from schema.identity.sign_in import WrongCredentialsType
from schema.problems import InvalidInputType, NotFoundType, RateLimitedType

EmailSignUpRequestError = Annotated[
    InvalidInputType | RateLimitedType,
    strawberry.union(
        "EmailSignUpRequestError", description="Errors emailSignUpRequest can return."
    ),
]
PasswordResetRequestError = Annotated[
    InvalidInputType | RateLimitedType,
    strawberry.union(
        "PasswordResetRequestError", description="Errors passwordResetRequest can return."
    ),
]
PasswordChangeError = Annotated[
    NotFoundType | InvalidInputType | WrongCredentialsType | RateLimitedType,
    strawberry.union("PasswordChangeError", description="Errors passwordChange can return."),
]


@backed_by(resolve.LinkRequestOutcome, "Return type of emailSignUpRequest.")
class EmailSignUpRequestPayload:
    expires_in_seconds: int | None = column("Seconds for which the link is valid.")
    errors: list[EmailSignUpRequestError] = column("Every reason why nothing was sent.")


@backed_by(resolve.LinkRequestOutcome, "Return type of passwordResetRequest.")
class PasswordResetRequestPayload:
    expires_in_seconds: int | None = column("Seconds for which the link is valid.")
    errors: list[PasswordResetRequestError] = column("Every reason why nothing was sent.")


@backed_by(resolve.PasswordChangeOutcome, "Return type of passwordChange.")
class PasswordChangePayload:
    person: PersonType | None = column("The person whose password was changed.")
    errors: list[PasswordChangeError] = column("Every reason why nothing was done.")
