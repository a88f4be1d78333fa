"""The state machine of invitations."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from models.accounts import Invitation, InvitationAction, InvitationStatus
from models.identity import Actor, Role
from services.accounts.memberships import GRANTABLE_BY_ROLE, grantable_roles, scope_of
from services.core.state_machine import AutomaticTransition, StateMachine, Transition
from services.identity import sign_in_sessions

PENDING = {InvitationStatus.PENDING}
INVITED = "the invited"
INVITED_ACTIONS = frozenset({InvitationAction.ACCEPT, InvitationAction.DECLINE})
INVITERS = frozenset(GRANTABLE_BY_ROLE)


def may_manage(row: Invitation, actor: Actor) -> bool:
    """Whether the actor may give the role of the invitation, and so sees and manages it."""
    return row.role in grantable_roles(actor, scope_of(row))


async def inviter_may_give(session: AsyncSession, row: Invitation) -> bool:
    """Whether the inviter holds a role now by which the invitation's role may be given."""
    grants = await sign_in_sessions.load_grants(session, row.invited_by_id)
    return may_manage(row, Actor(row.invited_by_id, grants=grants))


def _permits(row: Invitation, actor: Actor, transition: Transition[Any, Any]) -> bool:
    """Whether the invitation is the actor's own is checked by its phone, e-mail or link."""
    return transition.party == INVITED or may_manage(row, actor)


def _transition(
    action: InvitationAction, status: InvitationStatus | None, roles: frozenset[Role], party: str
) -> Transition[InvitationAction, InvitationStatus]:
    targets = frozenset() if status is None else {status}
    return Transition(action, PENDING, targets, roles=roles, party=party)


INVITATION_MACHINE: StateMachine[Invitation, InvitationAction, InvitationStatus] = StateMachine(
    name="Invitation",
    model=Invitation,
    status=InvitationStatus,
    initial=PENDING,
    noun="invitation",
    id_path="invitationId",
    transitions=(
        _transition(InvitationAction.ACCEPT, InvitationStatus.ACCEPTED, frozenset(), party=INVITED),
        _transition(
            InvitationAction.DECLINE, InvitationStatus.DECLINED, frozenset(), party=INVITED
        ),
        _transition(InvitationAction.RESEND, None, INVITERS, ""),
        _transition(InvitationAction.REVOKE, InvitationStatus.REVOKED, INVITERS, ""),
    ),
    automatic=(
        AutomaticTransition(
            "job: not answered within a week",
            PENDING,
            {InvitationStatus.EXPIRED},
            job="invitation.expire",
        ),
        AutomaticTransition(
            "inviter: may not give the role any more",
            PENDING,
            {InvitationStatus.REVOKED},
            mutation="roleRevoke",
        ),
    ),
    is_visible=may_manage,
    permits=_permits,
)
