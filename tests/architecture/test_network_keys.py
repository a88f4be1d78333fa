"""Addresses of clients are keys only as networks: each place that reads one is listed here."""

import ast
from functools import cache

from tests.support.architecture.source_trees import syntax_tree
from tests.support.paths import ROOT

# Modules in which the text of a client's address may be read: to pass it on, to parse it, or to
# store it for people to read.
READERS = {
    "database/outbox.py": "stored in the audit row",
    "database/sessions.py": "stored in the audit row",
    "resolvers/context.py": "parsed for the owner of keys, stored in the audit row",
    "resolvers/accounts/contacts.py": "passed to source_of and to AddressRateLimit",
    "resolvers/identity/email_accounts.py": "passed to AddressRateLimit, stored with the link",
    "resolvers/identity/sign_in.py": "passed to SignInCaller",
    "resolvers/orders/orders.py": "parsed for the source of an order",
    "server/endpoints/paid_work.py": "passed to CallerBudgets, which parses it",
    "server/endpoints/rider_positions.py": "stored in the audit row",
    "server/graphql_engine.py": "passed to CallerBudgets, which parses it",
    "workflows/identity/account_access.py": "passed to AddressRateLimit, stored with the session",
    "workflows/identity/invitation_answers.py": "passed to AddressRateLimit",
    "workflows/identity/sign_in.py": "parsed by source_of, stored with the session",
}
PARSERS = {
    "resolvers/context.py",
    "resolvers/orders/orders.py",
    "server/rate_limit/callers.py",
    "server/transport/connection_caps.py",
    "services/core/address_rate_limit.py",
    "services/identity/attempts.py",
}
PACKAGES = (
    "database", "dataloaders", "jobs", "models", "resolvers", "schema", "server", "services",
    "subscriptions", "workflows",
)  # fmt: skip
NOT_OF_CLIENTS = {"services/accounts/people.py", "resolvers/accounts/addresses.py"}
"""Postal addresses."""


@cache
def readers_and_parsers() -> tuple[set[str], set[str]]:
    """The modules that read an attribute `address`, and those that call `parse_network`."""
    readers, parsers = set[str](), set[str]()
    for path in (path for package in PACKAGES for path in (ROOT / package).rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        for node in ast.walk(syntax_tree(path)):
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
                readers |= {name} if node.attr == "address" else set()
            called = node.func if isinstance(node, ast.Call) else None
            if isinstance(called, ast.Name) and called.id == "parse_network":
                parsers.add(name)
    return readers, parsers


def test_only_known_modules_read_the_address_of_a_client() -> None:
    readers, _ = readers_and_parsers()
    assert readers - NOT_OF_CLIENTS - {"server/rate_limit/callers.py"} == set(READERS)


def test_the_parser_of_networks_has_no_second_one() -> None:
    _, parsers = readers_and_parsers()
    assert parsers == PARSERS
