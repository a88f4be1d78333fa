import strawberry


@strawberry.input(description="Whom to send a code.")
class OtpRequestInput:
    phone: str = strawberry.field(description="With its country code, such as +351912345678.")


@strawberry.input(description="The code that came.")
class OtpVerifyInput:
    phone: str = strawberry.field(description="The phone that the code was sent to.")
    code: str = strawberry.field(description="The six digits.")


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
