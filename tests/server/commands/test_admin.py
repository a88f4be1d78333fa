"""The first super admin, and the seed that nobody may load in production."""

import pytest
from sqlalchemy import select

from database.scope import PLATFORM
from database.sessions import Database
from models.accounts import Membership, User
from models.identity import Role
from server.__main__ import main
from server.commands import admin
from server.commands.admin import AdminExists
from services.core.problems import DomainError
from services.identity.passwords import verify_password

PASSWORD = "correct horse battery"


async def test_the_first_super_admin_is_made_by_a_command_and_no_second_one(
    fresh_database_url: str,
) -> None:
    """There was no way to a first super admin but SQL by hand."""
    url = fresh_database_url
    with pytest.raises(DomainError):
        await admin.create(url, "boss@example.org", None, "password123", force=False)
    await admin.create(url, "Boss@Example.org", None, PASSWORD, force=False)
    with pytest.raises(AdminExists):
        await admin.create(url, None, "+351912345678", None, force=False)
    await admin.create(url, None, "+351 912 345 678", None, force=True)
    database = Database(url)
    async with database.read(PLATFORM) as session:
        rows = await session.execute(
            select(User.email, User.phone, User.password_hash)
            .join(Membership, Membership.person_id == User.id)
            .where(Membership.role == Role.SUPER_ADMIN)
            .order_by(User.id)
        )
        first, second = rows.all()
    await database.close()
    assert first[:2] == ("boss@example.org", None)
    assert verify_password(first[2] or "", PASSWORD)
    assert tuple(second) == (None, "+351912345678", None)


@pytest.mark.parametrize("environment", [{}, {"DARKSTORE_ENV": "production"}])
@pytest.mark.parametrize("command", ["seed", "welcome"])
def test_the_demo_is_refused_in_production(
    command: str, environment: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """A seeded production had a super admin with the demo's password."""
    address = {"DATABASE_URL": "postgresql+asyncpg://nowhere/none"}
    assert main([command], {**address, **environment}) == 2
    assert "DARKSTORE_ENV" in capsys.readouterr().err


def test_the_command_says_what_it_needs(capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever sets up an installation types the command wrong, and got a traceback."""
    assert main(["admin", "create", "--phone", "+351912345678"], {}) == 2
    assert capsys.readouterr().err.startswith("admin: DATABASE_URL is not set")
    with pytest.raises(SystemExit):
        admin.main(["create"], {})
