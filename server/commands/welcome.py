"""`python -m server welcome --url URL`: print the addresses and how to sign in as each role."""

import argparse
from collections.abc import Mapping, Sequence

from seed.accounts import DEMO_ACCOUNTS

LINE = "  {:<16} {:<34} {:<20} {}"


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Print the addresses and the demo accounts of a development store."""
    parser = argparse.ArgumentParser(prog="server welcome")
    parser.add_argument("--url", required=True)
    url = parser.parse_args(arguments).url
    print(f"\n  graph     {url}/graphql   (HTTP, SSE and WebSocket)")
    print(f"  explorer  {url}/explorer\n")
    print(LINE.format("role", "e-mail", "password", "phone"))
    for account in DEMO_ACCOUNTS:
        print(LINE.format(account.role, account.email, account.password, account.phone or ""))
    print("\n  Sign in with the mutation passwordSignIn; `make demo` plays one order end to end.")
    print("  Ctrl-C stops everything.\n", flush=True)
    return 0
