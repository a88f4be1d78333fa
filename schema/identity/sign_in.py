from datetime import datetime
from typing import Annotated

import strawberry

from models.identity import SignInSession
from resolvers.identity import code_requests
from resolvers.identity import sign_in as resolve
from schema.accounts.people import UserType
from schema.backing import backed_by, column
from schema.fields import id_field
from schema.problems import InvalidInputType, NotFoundType, ProblemType, RateLimitedType
from services.identity import account_links, code_messages, one_time_codes, sign_in_sessions
from workflows.identity import sign_in


@backed_by(one_time_codes.InvalidOneTimeCode, "The code is wrong or has expired.")
class InvalidOneTimeCodeType(ProblemType):
    attempts_remaining: int = column("Number of attempts left; 0 means that a new code is needed.")


@backed_by(
    one_time_codes.CodeNotRequested,
    "No code was requested for this phone from here, nor with this challenge: call `otpRequest`.",
)
class CodeNotRequestedType(ProblemType):
    pass


@backed_by(code_messages.OtpDeliveryFailed, "The text message could not be sent; try again.")
class OtpDeliveryFailedType(ProblemType):
    pass


@backed_by(
    sign_in.InvalidCredentials, "E-mail and password do not match, or there were too many attempts."
)
class InvalidCredentialsType(ProblemType):
    pass


@backed_by(
    sign_in_sessions.InvalidRefreshToken, "The refresh token is not valid any more: sign in again."
)
class InvalidRefreshTokenType(ProblemType):
    pass


@backed_by(
    account_links.InvalidLink,
    "The link is not valid, was used or replaced, or has expired: ask for a new one.",
)
class InvalidLinkType(ProblemType):
    pass


OtpRequestError = Annotated[
    InvalidInputType | RateLimitedType | OtpDeliveryFailedType,
    strawberry.union("OtpRequestError", description="Problems that `otpRequest` can return."),
]
ERRORS = "The problems; empty if the mutation succeeded."
LinkProblem = InvalidInputType | RateLimitedType | InvalidLinkType
OtpSignInError = Annotated[
    InvalidInputType | RateLimitedType | InvalidOneTimeCodeType | CodeNotRequestedType,
    strawberry.union("OtpSignInError", description="Problems that `otpSignIn` can return."),
]
PasswordSignInError = Annotated[
    InvalidInputType | RateLimitedType | InvalidCredentialsType,
    strawberry.union(
        "PasswordSignInError", description="Problems that `passwordSignIn` can return."
    ),
]
EmailSignUpCompleteError = Annotated[
    LinkProblem,
    strawberry.union(
        "EmailSignUpCompleteError", description="Problems that `emailSignUpComplete` can return."
    ),
]
PasswordResetError = Annotated[
    LinkProblem,
    strawberry.union("PasswordResetError", description="Problems that `passwordReset` can return."),
]
GuestSignInError = Annotated[
    InvalidInputType | RateLimitedType,
    strawberry.union("GuestSignInError", description="Problems that `guestSignIn` can return."),
]
SessionRefreshError = Annotated[
    InvalidInputType | InvalidRefreshTokenType,
    strawberry.union(
        "SessionRefreshError", description="Problems that `sessionRefresh` can return."
    ),
]
SessionRevokeError = Annotated[
    NotFoundType,
    strawberry.union("SessionRevokeError", description="Problems that `sessionRevoke` can return."),
]
SessionRevokeAllError = Annotated[
    InvalidInputType,
    strawberry.union(
        "SessionRevokeAllError", description="Problems that `sessionRevokeAll` can return."
    ),
]


@backed_by(code_requests.OtpRequestOutcome, "Result of `otpRequest`.")
class OtpRequestPayload:
    expires_in_seconds: int | None = column("Seconds until the code expires.")
    challenge: str | None = column("Pass it to otpSignIn: it proves who requested the code.")
    digit_count: int | None = column(
        "Digits of the code: 6, or 10 of a code that requests share, because many were requested."
    )
    sent_at: datetime | None = column(
        "Time when the text message was sent: now, or up to ten minutes ago if the code is shared."
    )
    errors: list[OtpRequestError] = column("Every reason why nothing was sent.")


@strawberry.type
class SignInTokens:
    """The fields of the payload of every sign-in."""

    access_token: str | None = column("Send it as `Authorization: Bearer …`.")
    access_token_expires_at: datetime | None = column("Time when the access token expires.")
    refresh_token: str | None = column(
        "Valid for one sessionRefresh within 30 days; keep it secret."
    )
    device_token: str | None = column(
        "Store the newest one on the device and send it as header `Device-Token`:"
        " attempts of strangers do not block people who have signed in on this"
        " device before."
    )
    user: UserType | None = column("The signed-in person.")


@backed_by(resolve.SignInOutcome, "Result of `otpSignIn`.")
class OtpSignInPayload(SignInTokens):
    errors: list[OtpSignInError] = column(ERRORS)


@backed_by(resolve.SignInOutcome, "Result of `passwordSignIn`.")
class PasswordSignInPayload(SignInTokens):
    errors: list[PasswordSignInError] = column(ERRORS)


@backed_by(resolve.SignInOutcome, "Result of `emailSignUpComplete`.")
class EmailSignUpCompletePayload(SignInTokens):
    errors: list[EmailSignUpCompleteError] = column(ERRORS)


@backed_by(resolve.SignInOutcome, "Result of `passwordReset`.")
class PasswordResetPayload(SignInTokens):
    errors: list[PasswordResetError] = column(ERRORS)


@backed_by(resolve.SignInOutcome, "Result of `guestSignIn`.")
class GuestSignInPayload(SignInTokens):
    errors: list[GuestSignInError] = column(ERRORS)


@backed_by(resolve.SignInOutcome, "Result of `sessionRefresh`.")
class SessionRefreshPayload(SignInTokens):
    errors: list[SessionRefreshError] = column(ERRORS)


@backed_by(SignInSession, "A revoked session.")
class EndedSessionType:
    id: strawberry.ID = id_field(SignInSession)
    revoked_at: datetime | None = column("Time when it was revoked.")


@backed_by(resolve.SessionOutcome, "Result of `sessionRevoke`.")
class SessionRevokePayload:
    session: EndedSessionType | None = column("The revoked session.")
    errors: list[SessionRevokeError] = column(ERRORS)


@backed_by(resolve.SessionRevokeAllOutcome, "Result of `sessionRevokeAll`.")
class SessionRevokeAllPayload:
    revoked_count: int | None = column("Number of revoked sessions; null if none was.")
    errors: list[SessionRevokeAllError] = column(ERRORS)
