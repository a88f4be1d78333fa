"""Extremes of every argument, input field and cursor, from people of every role.

What a column can't hold, and what it just can, is refused or stored; INTERNAL is never an answer.
"""

import asyncio
import json
import random
import re
import sys
from base64 import urlsafe_b64decode
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from attack.client import KeptConnection, Reply
from attack.extremes.inputs import CompletedDocument, InputPlace, forged_cursor, with_value
from attack.extremes.values import KEYS
from attack.figures import Effort, Figure
from attack.people import People, settle
from attack.target import OPERATIONS, PEOPLE, Target, document
from models.identity import Role

WORKERS = 8
SHORT_VALUES = 1
MIN_PLACES = 500
SHOWN_FAULTS = 20
MAX_ASKED = 4
OURS = {"INTERNAL", "INTERNAL_SERVER_ERROR"}
REFUSED = {"UNAUTHENTICATED", "FORBIDDEN", "PERSISTED_ONLY"}
READERS: dict[str, tuple[Role | None, ...]] = {
    "Anybody": (None, Role.CUSTOMER),
    "Customers": (Role.CUSTOMER,),
    "Riders": (Role.RIDER,),
    "Store staff": (Role.STORE_MANAGER, Role.STORE_STAFF),
    "Support": (Role.SUPPORT_AGENT,),
    "Store managers": (Role.STORE_MANAGER, Role.COMPANY_ADMIN),
    "Company admins": (Role.COMPANY_ADMIN, Role.SUPER_ADMIN),
    "Super admins": (Role.SUPER_ADMIN,),
    "Signed-in users": (Role.CUSTOMER, Role.STORE_STAFF),
}
"""Who sends what, by the words at the head of a document."""
APPS_ONLY = {None, Role.CUSTOMER, Role.RIDER}
"""Who may send the documents of our apps alone."""
ID = re.compile(r"[a-z]{2,4}_[\w-]{22}")
CURSOR = re.compile(rb'"endCursor": ?"([\w-]+)"')
Item = TypeVar("Item")
SAMPLE_KEYS: list[Any] = [f"{7:032x}", "2026-11-30", 1]


@dataclass(frozen=True, slots=True)
class LearnedOperation:
    """An operation that somebody may use: by whom, its inputs, and the keys of a real cursor."""

    role: Role | None
    text: str
    variables: dict[str, Any]
    places: Sequence[InputPlace]
    keys: list[Any]


@dataclass(frozen=True, slots=True)
class Try:
    """One value at one place of an operation."""

    role: Role | None
    text: str
    variables: dict[str, Any]
    label: str = ""


@dataclass
class Findings:
    """What was answered."""

    sent: int = 0
    faults: list[str] = field(default_factory=list)
    silent: list[str] = field(default_factory=list)
    throttled: list[str] = field(default_factory=list)


@dataclass
class Sender:
    """Sends operations as people of any role."""

    people: People
    findings: Findings = field(default_factory=Findings)
    ids: dict[str, str] = field(default_factory=dict)
    """An id that exists, by its prefix."""

    async def send(self, connection: KeptConnection, one: Try) -> Reply:
        """The answer, from somebody who is signed in and may still ask."""
        body = {"query": one.text, "variables": self._with_ids(one.variables)}
        stream = one.text.startswith("subscription")
        for _ in range(MAX_ASKED):
            token = await self.people.token(one.role) if one.role else ""
            reply = await connection.ask(body, token=token, stream=stream)
            found = codes(reply)
            if one.role is not None and found & {"UNAUTHENTICATED", "RATE_LIMITED"}:
                self.people.forget(one.role, token)
            elif "RATE_LIMITED" in found:
                await asyncio.sleep(1)
            else:
                return reply
        self.findings.throttled.append(one.label)
        return Reply(0, b"")

    def note_ids(self, reply: Reply) -> None:
        """Remember ids of an answer, so that operations work with rows that exist."""
        for name in ID.findall(reply.body.decode(errors="replace")):
            self.ids.setdefault(name.split("_")[0], name)

    def _with_ids(self, variables: dict[str, Any]) -> dict[str, Any]:
        named: dict[str, Any] = json.loads(ID.sub(self._existing, json.dumps(variables)))
        return named

    def _existing(self, found: re.Match[str]) -> str:
        return self.ids.get(found[0].split("_")[0], found[0])


async def attack(target: Target, effort: Effort) -> Sequence[Figure]:
    """Send each operation as it is, then with each of its values replaced by extremes."""
    sender = Sender(await settle(target))
    names = sorted(file.stem for file in OPERATIONS.glob("*.graphql"))
    operations = await _learn(sender, names)
    tries = list(_tries(operations, effort))
    await _send_all(sender, tries)
    found = sender.findings
    for line in (found.faults + found.silent + found.throttled)[:SHOWN_FAULTS]:
        print(f"extremes: {line}", file=sys.stderr)
    places = len({place.name for one in operations for place in one.places})
    return [
        Figure("operations that nobody could use", len(names) - len(operations), 0),
        Figure("arguments, input fields and cursors", places, MIN_PLACES, at_least=True),
        Figure(f"INTERNAL among {found.sent:,} answers", len(found.faults), 0),
        Figure("requests without an answer", len(found.silent), 0),
        Figure("requests that nobody could send", len(found.throttled), 0),
    ]


def codes(reply: Reply) -> set[str]:
    """The codes of an answer's errors."""
    errors = reply.json.get("errors") or []
    return {str((error.get("extensions") or {}).get("code")) for error in errors}


async def _learn(sender: Sender, names: Sequence[str]) -> list[LearnedOperation]:
    """Who may use which operation; reads come first, since they name what writes work with."""
    texts = {name: document(name) for name in names}
    learned: list[LearnedOperation] = []

    async def learn(connection: KeptConnection, name: str) -> None:
        one = await _learn_one(sender, connection, name, texts[name])
        if one is None:
            print(f"extremes: nobody can use {name}", file=sys.stderr)
        else:
            learned.append(one)

    writes = [name for name in names if texts[name].startswith("mutation")]
    await _share(sender, sorted({*names} - {*writes}), learn)
    await _share(sender, writes, learn)
    return learned


async def _learn_one(
    sender: Sender, connection: KeptConnection, name: str, text: str
) -> LearnedOperation | None:
    head = (OPERATIONS / f"{name}.graphql").read_text().removeprefix("# ").split(":")[0]
    sample = OPERATIONS / f"{name}.json"
    variables = json.loads(sample.read_text()) if sample.is_file() else {}
    for reader in head.replace(" and ", ", ").split(", "):
        for role in READERS[reader]:
            reply = await sender.send(connection, Try(role, text, variables))
            if reply.status == 0 or codes(reply) & REFUSED:
                continue
            sender.note_ids(reply)
            completed = CompletedDocument(text)
            places = completed.places
            if role in APPS_ONLY:
                places = [place for place in places if place.path[0] in completed.declared]
            else:
                text = completed.text
            return LearnedOperation(role, text, variables, places, _keys(reply))
    return None


def _keys(reply: Reply) -> list[Any]:
    """The keys of a cursor in an answer, or samples."""
    for cursor in CURSOR.findall(reply.body):
        keys = json.loads(urlsafe_b64decode(cursor + b"=" * (-len(cursor) % 4)))
        if isinstance(keys, list) and keys:
            return keys
    return SAMPLE_KEYS


def _tries(operations: Sequence[LearnedOperation], effort: Effort) -> Iterator[Try]:
    """In the short form each name once, with another part of the values in each run."""
    rng, seen = random.Random(), set[str]()
    for one in operations:
        for place in one.places:
            values = [*place.values(), *(_forged(one.keys) if place.is_cursor else ())]
            if effort.short:
                if place.name in seen:
                    continue
                seen.add(place.name)
                values = rng.sample(values, min(SHORT_VALUES, len(values)))
            for value in values:
                label = f"{place.name} = {json.dumps(value)[:80]}"
                yield Try(one.role, one.text, with_value(one.variables, place, value), label)


def _forged(keys: list[Any]) -> Iterator[str]:
    for nth in range(len(keys)):
        yield from (forged_cursor([*keys[:nth], key, *keys[nth + 1 :]]) for key in KEYS)
    yield from (forged_cursor(keys[:1] * length) for length in range(5))
    yield from ("W10", "bnVsbA", "e30", "\U0010ffff", "====")


async def _send_all(sender: Sender, tries: Sequence[Try]) -> None:
    findings = sender.findings

    async def send(connection: KeptConnection, one: Try) -> None:
        reply = await sender.send(connection, one)
        findings.sent += 1
        if reply.status == 0:
            findings.silent.append(one.label)
        if reply.status >= 500 or codes(reply) & OURS:
            findings.faults.append(f"{one.role} {one.label}: {reply.body[:300]!r}")

    await _share(sender, tries, send)


async def _share(
    sender: Sender, items: Sequence[Item], work: Callable[[KeptConnection, Item], Awaitable[None]]
) -> None:
    """Do the work of all items on a few connections."""
    waiting = iter(items)

    async def go_on() -> None:
        async with KeptConnection(sender.people.target.port, source=PEOPLE) as connection:
            for one in waiting:
                await work(connection, one)

    await asyncio.gather(*(go_on() for _ in range(WORKERS)))
