"""Takes a role away: what its holder was doing by it is handed over first."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from models.accounts import Membership
from models.identity import Actor, Role
from services.accounts import invitations, memberships
from services.delivery.rider_release import release_rides


async def revoke_role(session: AsyncSession, *, actor: Actor, membership_id: UUID) -> Membership:
    """End a role assignment; a second call changes nothing. Needs the platform scope.

    A rider's delivery is handed over before. The tasks of a picker are returned to their queue by
    the job that finds tasks without their picker. Invitations that the person may not send any more
    end. Raises DomainError: NotFound, RoleNotGrantable.
    """
    membership = await memberships.find_revocable(session, actor=actor, membership_id=membership_id)
    if membership.role is Role.RIDER and membership.revoked_at is None:
        # Locks the order first, as every change of a delivery does.
        await release_rides(
            session, person_id=membership.person_id, company_id=membership.company_id
        )
    await memberships.revoke_role(session, membership)
    await invitations.revoke_of_former_inviter(session, membership.person_id)
    return membership
