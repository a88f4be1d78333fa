"""The command line: `python -m server COMMAND`. Each command is a module in server/commands."""

import importlib
import os
import sys
from collections.abc import Mapping, Sequence

from server.settings import BadSetting

COMMANDS = {
    "serve": "answer clients over HTTP and WebSocket",
    "worker": "run the background jobs",
    "migrate": "bring the database to the newest revision",
    "admin": "make the first super admin",
    "contacts": "put stored phones and e-mails into one form, merge who exists twice",
    "seed": "load the city and the catalog once",
    "audit-stock": "compare stock counters with the stock movements",
    "schema": "print the public schema",
    "manifest": "print the documents that our own apps send, by their SHA-256",
    "keys": "sign access tokens with the next key (keys rotate)",
    "rules": "print the table of access rules",
    "states": "print the state machines as Markdown",
    "welcome": "print the addresses and how to sign in as each role",
}


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run one command and return its exit status."""
    if not arguments or arguments[0] not in COMMANDS:
        print("usage: python -m server COMMAND\n", file=sys.stderr)
        for name, description in COMMANDS.items():
            print(f"  {name:<11} {description}", file=sys.stderr)
        return 2
    command = importlib.import_module(f"server.commands.{arguments[0].replace('-', '_')}")
    try:
        return int(command.main(arguments[1:], environment))
    except BadSetting as error:
        print(f"{arguments[0]}: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
