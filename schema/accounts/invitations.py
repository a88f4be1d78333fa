from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from dataloaders import accounts as load_accounts
from dataloaders import companies as load_companies
from dataloaders import stores as load_stores
from models.accounts import Invitation, InvitationAction, InvitationStatus
from models.identity import Role
from models.messages import MessageStatus
from resolvers.accounts import invitations as resolve
from schema.accounts.people import UserType
from schema.backing import backed_by, column, field, related
from schema.fields import id_field
from schema.identity.sign_in import InvalidLinkType
from schema.nodes import NodeType
from schema.problems import (
    InvalidInputType,
    InvalidTransitionType,
    NotFoundType,
    ProblemType,
    RateLimitedType,
)
from services.accounts import invitation_answers, invitations, memberships

if TYPE_CHECKING:
    from schema.companies.companies import CompanyType, RoleAssignmentType
    from schema.stores.stores import StoreType


@backed_by(Invitation, "A role that is offered to the owner of a phone or an e-mail address.")
class InvitationType(NodeType):
    id: strawberry.ID = id_field(Invitation)
    role: Role = column("The offered role.")
    company: Annotated["CompanyType", strawberry.lazy("schema.companies.companies")] | None = (
        related(
            load_companies.company_by_id,
            "The company; null for the whole platform.",
            by="company_id",
        )
    )
    store: Annotated["StoreType", strawberry.lazy("schema.stores.stores")] | None = related(
        load_stores.store_by_id, "The store; null for the whole company.", by="store_id"
    )
    phone: str | None = column("The phone of the invited (E.164), as the inviter typed it.")
    email: str | None = column("The e-mail address of the invited, as the inviter typed it.")
    status: InvitationStatus = column("Its status.")
    message_status: MessageStatus | None = related(
        load_accounts.message_status_by_id,
        "Status of its last message. Null once the message was deleted, after a week.",
        by="message_id",
    )
    sent_at: datetime = column("Time when it was last sent.")
    created_at: datetime = column("Time when it was created.")
    expires_at: datetime = column("Time until which it can be answered.")
    answered_at: datetime | None = column(
        "Time when it was accepted, declined, revoked or expired. Null while it is pending."
    )
    invited_by: UserType | None = related(
        load_accounts.person_by_id,
        "Who created it, for those who may see them.",
        by="invited_by_id",
    )
    role_assignment: (
        Annotated["RoleAssignmentType", strawberry.lazy("schema.companies.companies")] | None
    ) = related(
        load_accounts.membership_by_id,
        "The role that its acceptance gave, for `roleRevoke`. Null until then.",
        by="membership_id",
    )
    available_actions: list[InvitationAction] = field(
        resolve.available_actions, "What the caller may do with it now.", cost=2
    )


@backed_by(invitations.InvitationLimit, "Too many invitations, or too many messages of this one.")
class InvitationLimitType(ProblemType):
    limit: int = column("The maximum number.")


@backed_by(
    invitation_answers.PasswordRequired,
    "The invited person cannot sign in yet: a password is required.",
)
class PasswordRequiredType(ProblemType):
    pass


@backed_by(
    invitation_answers.InvitationOfAnother,
    "The invitation is for another account than the one that is signed in.",
)
class InvitationOfAnotherType(ProblemType):
    pass


@backed_by(
    memberships.RoleNotGrantable, "The caller cannot grant or revoke this role in this scope."
)
class RoleNotGrantableType(ProblemType):
    grantable: list[Role] = column("The roles that the caller can grant and revoke in this scope.")


@backed_by(memberships.RoleConflict, "The person has the maximum number of roles.")
class RoleConflictType(ProblemType):
    pass


InvitationCreateError = Annotated[
    NotFoundType | InvalidInputType | RoleNotGrantableType | RateLimitedType | InvitationLimitType,
    strawberry.union(
        "InvitationCreateError", description="Problems that `invitationCreate` can return."
    ),
]
InvitationResendError = Annotated[
    NotFoundType | InvalidTransitionType | RateLimitedType | InvitationLimitType,
    strawberry.union(
        "InvitationResendError", description="Problems that `invitationResend` can return."
    ),
]
InvitationRevokeError = Annotated[
    NotFoundType | InvalidTransitionType,
    strawberry.union(
        "InvitationRevokeError", description="Problems that `invitationRevoke` can return."
    ),
]
InvitationAcceptError = Annotated[
    NotFoundType
    | InvalidInputType
    | InvalidLinkType
    | InvalidTransitionType
    | InvitationOfAnotherType
    | PasswordRequiredType
    | RoleConflictType
    | RateLimitedType,
    strawberry.union(
        "InvitationAcceptError", description="Problems that `invitationAccept` can return."
    ),
]
InvitationDeclineError = Annotated[
    NotFoundType | InvalidInputType | InvalidLinkType | InvalidTransitionType,
    strawberry.union(
        "InvitationDeclineError", description="Problems that `invitationDecline` can return."
    ),
]


@backed_by(resolve.InvitationOutcome, "Result of `invitationCreate`.")
class InvitationCreatePayload:
    invitation: InvitationType | None = column("The invitation; an equal one may exist already.")
    errors: list[InvitationCreateError] = column("The problems; empty if the mutation succeeded.")


@backed_by(resolve.InvitationOutcome, "Result of `invitationResend`.")
class InvitationResendPayload:
    invitation: InvitationType | None = column("The invitation as it is now.")
    errors: list[InvitationResendError] = column("The problems; empty if the mutation succeeded.")


@backed_by(resolve.InvitationOutcome, "Result of `invitationRevoke`.")
class InvitationRevokePayload:
    invitation: InvitationType | None = column("The revoked invitation.")
    errors: list[InvitationRevokeError] = column("The problems; empty if the mutation succeeded.")


@backed_by(resolve.InvitationOutcome, "Result of `invitationAccept`.")
class InvitationAcceptPayload:
    invitation: InvitationType | None = column("The invitation, accepted.")
    errors: list[InvitationAcceptError] = column("The problems; empty if the mutation succeeded.")


@backed_by(resolve.InvitationOutcome, "Result of `invitationDecline`.")
class InvitationDeclinePayload:
    invitation: InvitationType | None = column("The invitation, declined.")
    errors: list[InvitationDeclineError] = column("The problems; empty if the mutation succeeded.")
