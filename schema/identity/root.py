import strawberry

from resolvers.identity import code_requests
from resolvers.identity import email_accounts as email_resolvers
from resolvers.identity import sign_in as session_resolvers
from resolvers.rules import ANYONE, SIGNED_IN
from schema.backing import mutation
from schema.identity.email_accounts import (
    EmailSignUpRequestPayload,
    PasswordChangePayload,
    PasswordResetRequestPayload,
)
from schema.identity.sign_in import (
    EmailSignUpCompletePayload,
    GuestSignInPayload,
    OtpRequestPayload,
    OtpSignInPayload,
    PasswordResetPayload,
    PasswordSignInPayload,
    SessionRefreshPayload,
    SessionRevokeAllPayload,
    SessionRevokePayload,
)


@strawberry.type
class SessionMutation:
    otp_request: OtpRequestPayload | None = mutation(
        code_requests.otp_request, "Sends a code of digits to a phone.", allow=ANYONE
    )
    otp_sign_in: OtpSignInPayload | None = mutation(
        session_resolvers.otp_verify,
        "Signs in with a code that was sent by text message; new people become"
        " customers. The cart and the orders of a guest move to the account. A code"
        " works once, whatever idempotency key is sent.",
        allow=ANYONE,
    )
    password_sign_in: PasswordSignInPayload | None = mutation(
        session_resolvers.password_sign_in,
        "Signs in with e-mail and password; each call opens a new session.",
        allow=ANYONE,
    )
    email_sign_up_request: EmailSignUpRequestPayload | None = mutation(
        email_resolvers.sign_up_request,
        "Sends a link to an e-mail address, with which an account can be created."
        " The answer is the same whether the address has an account or not.",
        allow=ANYONE,
    )
    email_sign_up_complete: EmailSignUpCompletePayload | None = mutation(
        email_resolvers.sign_up_complete,
        "Creates an account with the link and a password, and signs in. The cart"
        " and the orders of a guest belong to the new account.",
        allow=ANYONE,
    )
    password_reset_request: PasswordResetRequestPayload | None = mutation(
        email_resolvers.password_reset_request,
        "Sends a link to an e-mail address, with which its password can be set. The"
        " answer is the same whether the address has an account or not.",
        allow=ANYONE,
    )
    password_reset: PasswordResetPayload | None = mutation(
        email_resolvers.password_reset,
        "Sets the password with the link, signs out all devices and signs in on this one.",
        allow=ANYONE,
    )
    password_change: PasswordChangePayload | None = mutation(
        email_resolvers.password_change,
        "Sets a first password of the signed-in person, or changes it; other devices are signed"
        " out.",
        allow=SIGNED_IN,
    )
    guest_sign_in: GuestSignInPayload | None = mutation(
        session_resolvers.guest_start,
        "Signs in as a guest; each call creates a new guest.",
        allow=ANYONE,
    )
    session_refresh: SessionRefreshPayload | None = mutation(
        session_resolvers.session_refresh,
        "Exchanges a refresh token for new tokens. If it is used twice, the session"
        " is revoked, because it may be stolen.",
        allow=ANYONE,
    )
    session_revoke: SessionRevokePayload | None = mutation(
        session_resolvers.session_revoke, "Revokes one session.", allow=SIGNED_IN
    )
    session_revoke_all: SessionRevokeAllPayload | None = mutation(
        session_resolvers.session_revoke_all,
        "Revokes all sessions of the signed-in person, including this one.",
        allow=SIGNED_IN,
    )
