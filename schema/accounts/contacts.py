from typing import Annotated

import strawberry

from resolvers.accounts import contacts as resolve
from resolvers.accounts.people import PersonOutcome
from schema.accounts.people import UserType
from schema.backing import backed_by, column
from schema.identity.sign_in import CodeNotRequestedType, InvalidLinkType, InvalidOneTimeCodeType
from schema.problems import InvalidInputType, NotFoundType, ProblemType, RateLimitedType
from services.accounts import contacts


@backed_by(
    contacts.ContactTaken,
    "Another account has this phone or e-mail address, which the caller has proved to own.",
)
class ContactTakenType(ProblemType):
    pass


EmailChangeRequestError = Annotated[
    NotFoundType | InvalidInputType | RateLimitedType,
    strawberry.union(
        "EmailChangeRequestError", description="Problems that `emailChangeRequest` can return."
    ),
]
EmailChangeConfirmError = Annotated[
    NotFoundType | InvalidLinkType | ContactTakenType,
    strawberry.union(
        "EmailChangeConfirmError", description="Problems that `emailChangeConfirm` can return."
    ),
]
PhoneChangeError = Annotated[
    NotFoundType
    | InvalidInputType
    | InvalidOneTimeCodeType
    | CodeNotRequestedType
    | ContactTakenType,
    strawberry.union("PhoneChangeError", description="Problems that `phoneChange` can return."),
]


@backed_by(resolve.EmailChangeOutcome, "Result of `emailChangeRequest`.")
class EmailChangeRequestPayload:
    expires_in_seconds: int | None = column("Seconds for which the link is valid.")
    errors: list[EmailChangeRequestError] = column("Every reason why nothing was sent.")


@backed_by(PersonOutcome, "Result of `emailChangeConfirm`.")
class EmailChangeConfirmPayload:
    user: UserType | None = column("The person as they are now.")
    errors: list[EmailChangeConfirmError] = column("The problems; empty if the mutation succeeded.")


@backed_by(PersonOutcome, "Result of `phoneChange`.")
class PhoneChangePayload:
    user: UserType | None = column("The person as they are now.")
    errors: list[PhoneChangeError] = column("The problems; empty if the mutation succeeded.")
