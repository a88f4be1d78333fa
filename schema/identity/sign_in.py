from datetime import datetime
from typing import Annotated

import strawberry

from models.identity import SignInSession
from resolvers.identity import sign_in as resolve
from schema.accounts.people import PersonType
from schema.backing import backed_by, column
from schema.fields import id_field
from schema.problems import InvalidInputType, NotFoundType, ProblemType, RateLimitedType
from services.identity import account_links, one_time_codes, sign_in_sessions
from workflows.identity import sign_in


@backed_by(one_time_codes.WrongOneTimeCode, "Not the code that was sent, or it is over.")
class WrongOneTimeCodeType(ProblemType):
    tries_left: int = column("How often one may try again; 0 means: ask for a new code.")


@backed_by(one_time_codes.MessageNotSent, "The text message could not be sent; ask again.")
class MessageNotSentType(ProblemType):
    pass


@backed_by(sign_in.WrongCredentials, "E-mail and password don't match, or were tried too often.")
class WrongCredentialsType(ProblemType):
    pass


@backed_by(sign_in_sessions.SessionEnded, "The refresh token is not good any more: sign in again.")
class SessionEndedType(ProblemType):
    pass


@backed_by(
    account_links.InvalidLink,
    "The link is not valid, was used or replaced, or has expired: ask for a new one.",
)
class InvalidLinkType(ProblemType):
    pass


OtpRequestError = Annotated[
    InvalidInputType | RateLimitedType | MessageNotSentType,
    strawberry.union("OtpRequestError", description="Why no code was sent."),
]
SignInError = Annotated[
    InvalidInputType
    | RateLimitedType
    | WrongOneTimeCodeType
    | WrongCredentialsType
    | SessionEndedType
    | InvalidLinkType,
    strawberry.union("SignInError", description="Why nobody was signed in."),
]
SessionRevokeError = Annotated[
    NotFoundType, strawberry.union("SessionRevokeError", description="Why no session was ended.")
]


@backed_by(resolve.OtpRequestOutcome, "What otpRequest did.")
class OtpRequestPayload:
    expires_in_seconds: int | None = column("How long the code is good.")
    challenge: str | None = column("Send it with otpVerify: it shows that you asked for the code.")
    errors: list[OtpRequestError] = column("Every reason why nothing was sent.")


@backed_by(resolve.SignInOutcome, "Tokens for a person, or why there are none.")
class SignedInPayload:
    access_token: str | None = column("Send it as `Authorization: Bearer …`.")
    access_token_expires_at: datetime | None = column("When the access token ends.")
    refresh_token: str | None = column("Good for one sessionRefresh within 30 days; keep it safe.")
    device_token: str | None = column(
        "Keep the newest one on the device for good, and send it as header `Device-Token`: whoever"
        " has signed in here before is not kept out by the tries of strangers."
    )
    person: PersonType | None = column("Who signed in.")
    errors: list[SignInError] = column("Every reason why nobody was signed in.")


@backed_by(SignInSession, "A session that was ended.")
class EndedSessionType:
    id: strawberry.ID = id_field(SignInSession)
    revoked_at: datetime | None = column("When it ended.")


@backed_by(resolve.SessionOutcome, "What sessionRevoke did.")
class SessionRevokePayload:
    session: EndedSessionType | None = column("The session, ended.")
    errors: list[SessionRevokeError] = column("Every reason why nothing was done.")


@backed_by(resolve.SessionRevokeAllOutcome, "What sessionRevokeAll did.")
class SessionRevokeAllPayload:
    ended_count: int = column("How many sessions were alive.")
