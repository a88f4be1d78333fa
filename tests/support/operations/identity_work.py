"""Sign-up, passwords, contacts and invitations, by the links and codes that are sent."""

import secrets
from datetime import timedelta

from sqlalchemy import func, update

from database.audit import AuditContext
from database.scope import PLATFORM
from models.accounts import Invitation
from models.ids import decode_id
from tests.support.actors import ActorClient, InMemorySms
from tests.support.mailbox import Mailbox
from tests.support.operations.player import PASSWORD, OperationPlayer

NEW_PASSWORD = "an even longer password"


def new_email() -> str:
    """An address that production takes, unlike one for examples; its mail ends on loopback."""
    return f"{secrets.token_hex(6)}@darkstore-tests.com"


async def manage_account(play: OperationPlayer, sms: InMemorySms) -> None:
    """Sign up by e-mail, reset and change the password, change address and phone."""
    mailbox, email = Mailbox(play.container), new_email()
    await play("nobody", "email_sign_up_request", email=email)
    token = await mailbox.key(email)
    await play("nobody", "email_sign_up_complete", token=token, password=PASSWORD)
    await play("nobody", "password_reset_request", email=email)
    token = await mailbox.key(email)
    tokens = await play("nobody", "password_reset", token=token, password=PASSWORD)
    authenticator = play.container.authenticator
    actor = authenticator.verify(tokens["accessToken"]).actor
    play.clients["newcomer"] = ActorClient(play.container, actor)
    await play("newcomer", "password_change", currentPassword=PASSWORD, newPassword=NEW_PASSWORD)
    email = new_email()
    await play("newcomer", "email_change_request", email=email)
    changed = await play("newcomer", "email_change_confirm", token=await mailbox.key(email))
    assert changed["user"]["email"] == email
    phone = f"+35191{secrets.randbelow(10**7):07}"
    await play("newcomer", "otp_request", phone=phone)
    changed = await play("newcomer", "phone_change", phone=phone, code=sms.code(phone))
    assert changed["user"]["phone"] == phone


async def manage_invitations(play: OperationPlayer, who: str) -> None:
    """Invite staff to a store: resend, list, accept, decline and revoke; take the role away."""
    mailbox, here = Mailbox(play.container), {"companyId": play.company, "storeId": play.store}
    emails = [new_email() for _ in range(3)]
    made = [
        await play(who, "invitation_create", contact={"email": email}, **here) for email in emails
    ]
    first, second, third = [one["invitation"]["id"] for one in made]
    async with play.container.database.write(PLATFORM, AuditContext("test")) as session:
        await session.execute(
            update(Invitation)
            .where(Invitation.id == decode_id(Invitation, first))
            .values(sent_at=func.now() - timedelta(hours=1))
        )
    await play(who, "invitation_resend", invitationId=first)
    token = await mailbox.key(emails[0])
    shown = await play("nobody", "invitation_by_link", token=token)
    assert shown["email"] == emails[0]
    accepted = await play("nobody", "invitation_accept", token=token, password=PASSWORD)
    assert accepted["invitation"]["status"] == "ACCEPTED"
    await play("nobody", "invitation_decline", token=await mailbox.key(emails[1]))
    await play(who, "invitation_revoke", invitationId=third)
    listed = await play(who, "invitations", companyId=play.company, status="ACCEPTED", first=100)
    [row] = [one for one in listed["nodes"] if one["id"] == first]
    assert row["roleAssignment"]["user"]["name"] == "Nuno"
    assert second != third
    if who == "owner":
        revoked = await play(who, "role_revoke", roleAssignmentId=row["roleAssignment"]["id"])
        assert revoked["roleAssignment"]["id"] == row["roleAssignment"]["id"]
    own = (await play("buyer", "own_invitations"))["invitations"]
    assert not {first, second, third} & {each["id"] for each in own}
