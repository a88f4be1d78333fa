"""The command line: `python -m server COMMAND`. Each command is a module in server/commands."""

import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg
from sqlalchemy.exc import DBAPIError

from server.commands.error_sentence import error_sentence
from server.settings import BadSetting, require_development
from server.settings.declarations import DATABASE_URL, ENVIRONMENT, KEYS_FILE, SETTINGS
from server.settings.setting import Setting
from server.start_checks import check_settings, undeclared_settings

# A start of a release or of `make run` begins with the first; the others go on for long.
NAMES_UNKNOWN_SETTINGS = ("migrate", "serve", "worker")
FAILED = 1
REFUSED = 2
"""The exit status of a command that did not begin: unknown, or a setting is missing or invalid."""


@dataclass(frozen=True, slots=True)
class Command:
    """What a command does, and the settings that it reads: each is checked before it begins."""

    description: str
    reads: tuple[Setting[Any], ...] = ()
    for_demo: str = ""
    """Why it is refused outside development; empty if it is not."""


COMMANDS = {
    "serve": Command("answer clients over HTTP and WebSocket", SETTINGS),
    "worker": Command("run the background jobs", SETTINGS),
    "migrate": Command("bring the database to the newest revision", (DATABASE_URL,)),
    "admin": Command("make the first super admin", (DATABASE_URL,)),
    "contacts": Command(
        "put stored phones and e-mails into one form, merge who exists twice", (DATABASE_URL,)
    ),
    "seed": Command(
        "load the city and the catalog of the demo once",
        (DATABASE_URL, ENVIRONMENT),
        for_demo="the seed makes the people of the demo",
    ),
    "audit-stock": Command("compare stock counters with the stock movements", (DATABASE_URL,)),
    "schema": Command("print the public schema"),
    "manifest": Command("print the documents that our own apps send, by their SHA-256"),
    "keys": Command("sign access tokens with the next key (keys rotate)", (KEYS_FILE,)),
    "rules": Command("print the table of access rules"),
    "states": Command("print the state machines as Markdown"),
    "welcome": Command(
        "print the addresses and how to sign in as each role of the demo",
        (ENVIRONMENT,),
        for_demo="it prints how to sign in to the demo",
    ),
}


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run one command and return its exit status; failures are a sentence each."""
    if not arguments or arguments[0] not in COMMANDS:
        print("usage: python -m server COMMAND\n", file=sys.stderr)
        for name, command in COMMANDS.items():
            print(f"  {name:<11} {command.description}", file=sys.stderr)
        return REFUSED
    name = arguments[0]
    try:
        _check(name, COMMANDS[name], environment)
        module = importlib.import_module(f"server.commands.{name.replace('-', '_')}")
        return int(module.main(arguments[1:], environment))
    except BadSetting as error:
        print(f"{name}: {error}", file=sys.stderr)
        return REFUSED
    except (OSError, DBAPIError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        print(f"{name}: {error_sentence(error)}", file=sys.stderr)
        return FAILED


def _check(name: str, command: Command, environment: Mapping[str, str]) -> None:
    """Check the settings that a command reads, and tell what it can begin without."""
    if command.for_demo:
        require_development(environment, command.for_demo)
    unknown = undeclared_settings(environment) if name in NAMES_UNKNOWN_SETTINGS else []
    for warning in (*unknown, *check_settings(command.reads, environment)):
        print(f"{name}: {warning}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
