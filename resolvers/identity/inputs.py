import strawberry


@strawberry.input(description="Input of `otpRequest`.")
class OtpRequestInput:
    phone: str = strawberry.field(
        description="Phone number with country code, such as +351912345678."
    )


@strawberry.input(description="Input of `otpSignIn`.")
class OtpSignInInput:
    phone: str = strawberry.field(description="The phone that the code was sent to.")
    code: str = strawberry.field(
        description="The digits of the text message; six, or `digitCount`."
    )
    challenge: str | None = strawberry.field(
        default=None,
        description="The challenge that otpRequest returned: only the requester of a code can"
        " try it. Without it, codes that were requested from the same network or"
        " known device can be tried.",
    )


@strawberry.input(description="Input of `passwordSignIn`.")
class PasswordSignInInput:
    email: str = strawberry.field(description="The e-mail address, in any case.")
    password: str = strawberry.field(description="The password.")


@strawberry.input(description="Input of `sessionRefresh`.")
class SessionRefreshInput:
    refresh_token: str = strawberry.field(description="The last refresh token, valid for one use.")


@strawberry.input(description="Input of `sessionRevoke`.")
class SessionRevokeInput:
    session_id: strawberry.ID | None = strawberry.field(
        description="One of `viewer.sessions`; the present one if left out.", default=None
    )


@strawberry.input(description="Input of `emailSignUpRequest`.")
class EmailSignUpRequestInput:
    email: str = strawberry.field(description="The address that the link is sent to.")


@strawberry.input(description="Input of `emailSignUpComplete`.")
class EmailSignUpCompleteInput:
    token: str = strawberry.field(description="The key in the link of the message, after the #.")
    password: str = strawberry.field(description="The new password: 10 to 128 characters.")
    name: str = strawberry.field(
        description="The name of the person. Max 100 characters.", default=""
    )


@strawberry.input(description="Input of `passwordResetRequest`.")
class PasswordResetRequestInput:
    email: str = strawberry.field(description="The account's e-mail address, in any case.")


@strawberry.input(description="Input of `passwordReset`.")
class PasswordResetInput:
    token: str = strawberry.field(description="The key in the link of the message, after the #.")
    password: str = strawberry.field(description="The new password: 10 to 128 characters.")


@strawberry.input(description="Input of `passwordChange`.")
class PasswordChangeInput:
    current_password: str | None = strawberry.field(
        description="The present password; left out if there is none yet.", default=None
    )
    new_password: str = strawberry.field(description="The new password: 10 to 128 characters.")
