import strawberry


@strawberry.input(description="Whom to send a code.")
class OtpRequestInput:
    phone: str = strawberry.field(description="With its country code, such as +351912345678.")


@strawberry.input(description="The code that came.")
class OtpVerifyInput:
    phone: str = strawberry.field(description="The phone that the code was sent to.")
    code: str = strawberry.field(description="The six digits.")
    challenge: str | None = strawberry.field(
        default=None,
        description="What otpRequest returned: only who has asked for a code can try it. Without"
        " it, codes that were asked for from the same network or known device can be tried.",
    )


@strawberry.input(description="An account and its password.")
class PasswordSignInInput:
    email: str = strawberry.field(description="The e-mail address, in any case.")
    password: str = strawberry.field(description="The password.")


@strawberry.input(description="What keeps a session going.")
class SessionRefreshInput:
    refresh_token: str = strawberry.field(description="The last refresh token: good for one use.")


@strawberry.input(description="Which session to end.")
class SessionRevokeInput:
    session_id: strawberry.ID | None = strawberry.field(
        description="One of `viewer.sessions`; the present one when left out.", default=None
    )


@strawberry.input(description="An e-mail address without an account.")
class EmailSignUpRequestInput:
    email: str = strawberry.field(description="The address that the link is sent to.")


@strawberry.input(description="The end of a sign-up by e-mail.")
class EmailSignUpCompleteInput:
    token: str = strawberry.field(description="The key in the link that was sent, after the #.")
    password: str = strawberry.field(description="The new password: 10 to 128 characters.")
    name: str = strawberry.field(
        description="The name of the person. Max 100 characters.", default=""
    )


@strawberry.input(description="The account whose password is forgotten.")
class PasswordResetRequestInput:
    email: str = strawberry.field(description="The account's e-mail address, in any case.")


@strawberry.input(description="A new password by a link.")
class PasswordResetInput:
    token: str = strawberry.field(description="The key in the link that was sent, after the #.")
    password: str = strawberry.field(description="The new password: 10 to 128 characters.")


@strawberry.input(description="A first or new password of the signed-in person.")
class PasswordChangeInput:
    current_password: str | None = strawberry.field(
        description="The present password; left out if there is none yet.", default=None
    )
    new_password: str = strawberry.field(description="The new password: 10 to 128 characters.")
