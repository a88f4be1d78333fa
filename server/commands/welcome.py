"""`python -m server welcome --url URL`: print the addresses and how to sign in as each role."""

import argparse
from collections.abc import Mapping, Sequence

from seed.accounts import DEMO_ACCOUNTS

LINE = "  {:<16} {:<34} {:<20} {}"


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Print the addresses and the demo accounts of a development store."""
    parser = argparse.ArgumentParser(prog="server welcome")
    parser.add_argument("--url", required=True)
    parser.add_argument("--mails", default="", help="the mailbox of simulated mails")
    parser.add_argument("--texts", default="", help="the list of simulated text messages")
    parser.add_argument("--payments", default="", help="the simulated payment provider")
    given = parser.parse_args(arguments)
    print(f"\n  graph     {given.url}/graphql   (HTTP, SSE and WebSocket)")
    print(f"  explorer  {given.url}/explorer")
    if given.mails:
        print(f"  mails     {given.mails}   (links to sign up, for passwords and invitations)")
    if given.texts:
        print(f"  texts     {given.texts}   (sign-in codes)")
    if given.payments:
        key = environment.get("STRIPE_PUBLISHABLE_KEY", "")
        print(f"  payments  {given.payments}   (key {key}; docs/client_apps.md tells how to pay)")
    print()
    print(LINE.format("role", "e-mail", "password", "phone"))
    for account in DEMO_ACCOUNTS:
        print(LINE.format(account.role, account.email, account.password, account.phone or ""))
    print("\n  Sign in with the mutation passwordSignIn; `make demo` plays one order end to end.")
    print("  Ctrl-C stops everything.\n", flush=True)
    return 0
