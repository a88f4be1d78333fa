"""Signing out: a rider's delivery is handed over before the last session ends."""

from uuid import UUID

from database.audit import AuditContext
from database.scope import PLATFORM
from database.sessions import Database
from models.delivery import DeliveryOverrideReason
from models.identity import Actor, Role
from services.delivery.rider_release import release_rides
from services.identity import sign_in_sessions

SIGNED_OUT = DeliveryOverrideReason.RIDER_SIGNED_OUT


async def hand_over_rides(
    database: Database, *, actor: Actor, origin: AuditContext, session_id: UUID
) -> None:
    """Hand over the deliveries of a rider whose only live session is about to be revoked."""
    if actor.person_id is None or Role.RIDER not in actor.roles:
        return
    async with database.write(PLATFORM, origin) as session:
        live = await sign_in_sessions.list_live_sessions(session, person_id=actor.person_id)
        if {one.id for one in live} == {session_id}:
            await release_rides(session, person_id=actor.person_id, cause=SIGNED_OUT)
