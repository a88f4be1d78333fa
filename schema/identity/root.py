import strawberry

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
    OtpRequestPayload,
    SessionRevokeAllPayload,
    SessionRevokePayload,
    SignedInPayload,
)


@strawberry.type
class SessionMutation:
    otp_request: OtpRequestPayload | None = mutation(
        session_resolvers.otp_request, "Send a six-digit code to a phone.", allow=ANYONE
    )
    otp_verify: SignedInPayload | None = mutation(
        session_resolvers.otp_verify,
        "Sign in by the code that came; whoever is new becomes a customer. A guest who calls"
        " this brings their cart along. The code works once, whatever idempotency key is sent.",
        allow=ANYONE,
    )
    password_sign_in: SignedInPayload | None = mutation(
        session_resolvers.password_sign_in,
        "Sign in by e-mail and password; each call opens a session of its own.",
        allow=ANYONE,
    )
    email_sign_up_request: EmailSignUpRequestPayload | None = mutation(
        email_resolvers.sign_up_request,
        "Sends a link to an e-mail address, by which an account is opened. The answer is the same"
        " whether the address has an account or not.",
        allow=ANYONE,
    )
    email_sign_up_complete: SignedInPayload | None = mutation(
        email_resolvers.sign_up_complete,
        "Opens an account by the link and a password, and signs in. A guest who calls this becomes"
        " the account, with their cart and orders.",
        allow=ANYONE,
    )
    password_reset_request: PasswordResetRequestPayload | None = mutation(
        email_resolvers.password_reset_request,
        "Sends a link to an e-mail address, by which its password is set. The answer is the same"
        " whether the address has an account or not.",
        allow=ANYONE,
    )
    password_reset: SignedInPayload | None = mutation(
        email_resolvers.password_reset,
        "Sets the password by the link, signs out every device and signs in on this one.",
        allow=ANYONE,
    )
    password_change: PasswordChangePayload | None = mutation(
        email_resolvers.password_change,
        "Sets a first password of the signed-in person, or changes it; other devices are signed"
        " out.",
        allow=SIGNED_IN,
    )
    guest_start: SignedInPayload | None = mutation(
        session_resolvers.guest_start,
        "Start as a customer whom nobody knows yet; each call makes a new one.",
        allow=ANYONE,
    )
    session_refresh: SignedInPayload | None = mutation(
        session_resolvers.session_refresh,
        "New tokens for a refresh token. Using one twice ends the whole session: it was stolen.",
        allow=ANYONE,
    )
    session_revoke: SessionRevokePayload | None = mutation(
        session_resolvers.session_revoke, "Sign one device out.", allow=SIGNED_IN
    )
    session_revoke_all: SessionRevokeAllPayload | None = mutation(
        session_resolvers.session_revoke_all,
        "Sign every device out, this one too.",
        allow=SIGNED_IN,
    )
