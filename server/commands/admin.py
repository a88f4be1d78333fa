"""`python -m server admin create --email … | --phone …`: make the first super admin."""

import argparse
import asyncio
import getpass
import os
import sys
from collections.abc import Mapping, Sequence

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.audit import AuditContext
from database.scope import PLATFORM
from database.sessions import Database
from models.accounts import Membership, User
from models.identity import Role
from server.settings.declarations import DATABASE_URL
from services.accounts import customers, memberships, people, sign_up
from services.accounts.memberships import RoleScope
from services.core.contacts.email_addresses import parse_email
from services.core.contacts.phone_numbers import parse_phone
from services.core.problems import DomainError
from services.identity.password_rules import check_new_password
from services.identity.passwords import hash_password

PASSWORD_VARIABLE = "DARKSTORE_ADMIN_PASSWORD"  # noqa: S105 - the name of a variable
ORIGIN = AuditContext("command:admin.create")


class AdminExists(Exception):
    """There is a super admin already."""


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Create a super admin; 1 with a sentence when that is refused."""
    given = _parse(arguments)
    url = DATABASE_URL.read(environment)
    try:
        password = None if given.email is None else _password()
        contact = asyncio.run(create(url, given.email, given.phone, password, force=given.force))
    except (AdminExists, DomainError) as error:
        print(f"admin: {error}", file=sys.stderr)
        return 1
    print(
        f"{contact} is a super admin: sign in with {'a code' if given.phone else 'the password'}."
    )
    return 0


async def create(
    url: str, email: str | None, phone: str | None, password: str | None, *, force: bool
) -> str:
    """Give the owner of a contact the role SUPER_ADMIN; return the contact.

    Raises AdminExists unless forced, DomainError for an invalid contact or password.
    """
    database = Database(url)
    try:
        async with database.write(PLATFORM, ORIGIN) as session:
            # Two commands at once can't both find no super admin.
            await people.lock_contact(session, Role.SUPER_ADMIN)
            if not force and await _has_admin(session):
                raise AdminExists(
                    "there is a super admin already, who can invite others; --force makes another."
                )
            person = await _person(session, email, phone, password)
            await memberships.add_role(
                session, person_id=person.id, role=Role.SUPER_ADMIN, role_scope=RoleScope()
            )
            return person.email or person.phone or ""
    finally:
        await database.close()


async def _person(
    session: AsyncSession, email: str | None, phone: str | None, password: str | None
) -> User:
    """Return the person with the contact, who is made if there is none."""
    if phone is not None:
        phone = parse_phone(phone, "input", "phone")
        await people.lock_contact(session, phone)
        person = await session.scalar(select(User).where(User.phone == phone))
        return person or await customers.create_customer(session, User(phone=phone))
    email = parse_email(email or "", "email")
    check_new_password(password or "", "password", email=email)
    await people.lock_contact(session, email)
    person = await people.find_by_email(session, email)
    person = person or await customers.create_customer(session, User(email=email))
    await sign_up.set_password(session, person, hash_password(password or ""))
    return person


async def _has_admin(session: AsyncSession) -> bool:
    count = await session.scalar(
        select(func.count())
        .select_from(Membership)
        .where(Membership.role == Role.SUPER_ADMIN, Membership.revoked_at.is_(None))
    )
    return bool(count)


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="server admin")
    commands = parser.add_subparsers(dest="command", required=True)
    create_command = commands.add_parser("create", help="make the first super admin")
    contact = create_command.add_mutually_exclusive_group(required=True)
    contact.add_argument("--email", help=f"signs in by password: {PASSWORD_VARIABLE}, or asked for")
    contact.add_argument("--phone", help="signs in by a code, such as +351912345678")
    create_command.add_argument("--force", action="store_true", help="even if there is one")
    return parser.parse_args(arguments)


def _password() -> str:
    """The password from the environment, so that it stands in no list of processes, or typed."""
    return os.environ.get(PASSWORD_VARIABLE) or getpass.getpass("password: ")
