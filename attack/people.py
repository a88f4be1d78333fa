"""People of every role in the attacked database, who sign in over HTTP as others do."""

import asyncio
from dataclasses import dataclass, field

from attack.client import KeptConnection
from attack.target import PEOPLE, Target, document
from models.identity import Role
from seed import seed
from seed.accounts import ALL_ACCOUNTS, PASSWORD

ARTICLES = 120
"""Enough of the catalog for every operation, and loaded in seconds."""
TRIES = 5


@dataclass
class People:
    """Tokens of accounts by role; whoever was signed out or removed is replaced by the next one."""

    target: Target
    tokens: dict[Role, str] = field(default_factory=dict)
    _used: dict[Role, int] = field(default_factory=dict)
    _signing_in: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def token(self, role: Role) -> str:
        """The access token of somebody with a role. Raises LookupError when nobody signs in."""
        async with self._signing_in:
            if role not in self.tokens:
                self.tokens[role] = await self._sign_in(role)
            return self.tokens[role]

    def forget(self, role: Role, token: str) -> None:
        """Take the next account of the role, unless that was done already."""
        if self.tokens.get(role) == token:
            del self.tokens[role]

    async def _sign_in(self, role: Role) -> str:
        accounts = [account for account in ALL_ACCOUNTS if account.role is role]
        async with KeptConnection(self.target.port, source=PEOPLE) as connection:
            for _ in range(TRIES):
                nth = self._used.get(role, 0)
                self._used[role] = nth + 1
                account = {"email": accounts[nth % len(accounts)].email, "password": PASSWORD}
                body = {"query": document("password_sign_in"), "variables": {"input": account}}
                data = (await connection.ask(body)).json.get("data") or {}
                if token := (data.get("passwordSignIn") or {}).get("accessToken"):
                    return str(token)
        raise LookupError(f"nobody with the role {role} can sign in")


async def settle(target: Target) -> People:
    """Load companies, stores, people, a part of the catalog and some orders; then there are people.

    It goes straight to the target's database: production has no such command.
    """
    await seed(target.instance.database_url, report=lambda line: None, max_articles=ARTICLES)
    return People(target)
