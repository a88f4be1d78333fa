"""Ids of other people, stores and companies, from every role, at every entry point."""

import asyncio
import json
import random
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import asyncpg
import httpx

from attack.entry_points import (
    EntryPoint,
    mutation_texts,
    reading_entry_points,
    stream_entry_points,
)
from attack.figures import Effort, Figure
from attack.target import Target
from database.base import uuid7
from models.companies import Company
from models.identity import Actor, AppScope, app_grants
from models.ids import encode_id
from models.integrations import App
from tests.support.minimal_queries import minimal_document
from tests.support.production.harness import Harness, headers_of, open_harness, unused_place
from tests.support.server.integrator import AppAdmin
from tests.support.server.websocket_client import open_socket
from tests.support.walk.downloads import DOWNLOADS
from tests.support.walk.marks import shown_marks, violations
from tests.support.walk.named_rows import MUTATIONS, ids_for, may_act, named_rows
from tests.support.walk.parties import World
from tests.support.walk.row_documents import nodes_of
from tests.support.walk.walked_world import ids_of, open_world

SEED = 11
WORKERS = 8
MESSAGE_SECONDS = 60.0
EVENT = "data: "
READS, CHANGES, STREAMS, FILES = 8_000, 4_000, 400, 400
# What the server notes of itself and of its callers, whatever they ask for.
OWN_TABLES = {"sign_in_session", "app_secret", "idempotency_key", "job_run", "process_stat"}
Item = TypeVar("Item")


@dataclass
class Attackers:
    """The people of a world over HTTP, and what they have found."""

    world: World
    harness: Harness
    server: Target
    actors: dict[str, Actor]
    headers: dict[str, dict[str, str]]
    tried: dict[str, int] = field(default_factory=dict)
    leaks: set[Any] = field(default_factory=set)
    own_values: int = 0

    def judge(self, who: str, entry_point: str, content: bytes) -> None:
        """Note what an answer shows that is not for this person."""
        actor = self.actors[who]
        self.own_values += sum(1 for _ in shown_marks(self.world, content))
        for found in violations(self.world, actor, content):
            self.leaks.add((who, entry_point, *found))

    async def post(self, who: str, text: str, variables: Any) -> httpx.Response:
        body = json.dumps({"query": text, "variables": variables}).encode()
        headers = {"content-type": "application/json", **self.headers[who]}
        return await self.harness.http.post("/graphql", content=body, headers=headers)

    async def each(
        self, kind: str, items: Sequence[Item], count: int, work: Callable[[Item], Awaitable[None]]
    ) -> None:
        """Do some of the work, chosen by a fixed seed."""
        chosen = random.Random(SEED).sample(items, min(count, len(items)))
        self.tried[kind] = len(chosen)
        waiting = iter(chosen)

        async def go_on() -> None:
            for item in waiting:
                await work(item)

        await asyncio.gather(*(go_on() for _ in range(WORKERS)))


async def attack(target: Target, effort: Effort) -> Sequence[Figure]:
    """Try a part of all entry points with the ids of all situations as all people."""
    async with open_harness(target) as harness:
        place = unused_place(random.Random())
        async with open_world(harness.container, place=place) as world:
            attackers = await _attackers(world, harness, target)
            await _read(attackers, effort.scale(READS))
            await _subscribe(attackers, effort.scale(STREAMS))
            await _download(attackers, effort.scale(FILES))
            before = await _fingerprints(target)
            await _change(attackers, effort.scale(CHANGES))
            changed = {
                name
                for name, print_of in (await _fingerprints(target)).items()
                if print_of != before.get(name)
            }
    for leak in sorted(map(str, attackers.leaks))[:20]:
        print(f"foreign: {leak}")
    if changed:
        print(f"foreign: changed {sorted(changed)}")
    return [
        *(
            Figure(f"{kind} that were tried", count, 1, at_least=True)
            for kind, count in attackers.tried.items()
        ),
        Figure("private values shown to their own parties", attackers.own_values, 1, at_least=True),
        Figure("rows and values shown to strangers", len(attackers.leaks), 0),
        Figure("tables changed through foreign ids", len(changed), 0),
    ]


async def _attackers(world: World, harness: Harness, target: Target) -> Attackers:
    """Everybody in the world, and an app of the first company with all scopes."""
    actors = {who: client.actor for who, client in world.clients.items()}
    headers = {who: headers_of(client) for who, client in world.clients.items()}
    admin: Any = AppAdmin(world.clients["owner"], None, world.city)  # type: ignore[arg-type] # sends nothing itself
    scopes = frozenset(AppScope)
    app = await admin.create_app(*(scope.name for scope in scopes))
    _, key = await admin.create_secret(app)
    own = world.places["here"][App]
    actors["app"] = Actor(uuid7(), uuid7(), app_grants(world.city.company.id), own, scopes)
    headers["app"] = {"authorization": f"Bearer {key}"}
    return Attackers(world, harness, target, actors, headers)


def _ids(attackers: Attackers, entry_point: EntryPoint) -> Iterator[tuple[str, dict[str, Any]]]:
    """The variables of an entry point, for each situation or each row of its type."""
    if entry_point.node is not None:
        for key in nodes_of(attackers.world, entry_point.node):
            yield entry_point.node, entry_point.variables(lambda _, key=key: key)  # type: ignore[misc] # bound now
        return
    for place, keys in attackers.world.places.items():
        yield place, entry_point.variables(ids_of(keys))


async def _read(attackers: Attackers, count: int) -> None:
    tries = [
        (who, entry_point, place, variables)
        for entry_point in reading_entry_points()
        for place, variables in _ids(attackers, entry_point)
        for who in attackers.actors
    ]

    async def read(one: tuple[str, EntryPoint, str, dict[str, Any]]) -> None:
        who, entry_point, place, variables = one
        response = await attackers.post(who, entry_point.text, variables)
        attackers.judge(who, f"{entry_point.name} {place}", response.content)
        if response.status_code >= 500:
            attackers.leaks.add((who, entry_point.name, place, response.status_code))

    await attackers.each("reads of root fields, nodes and paths", tries, count, read)


async def _subscribe(attackers: Attackers, count: int) -> None:
    tries = [
        (who, entry_point, place, variables)
        for entry_point in stream_entry_points()
        for place, variables in _ids(attackers, entry_point)
        for who in attackers.actors
    ]
    url = f"ws://127.0.0.1:{attackers.server.port}/graphql"

    async def subscribe(one: tuple[str, EntryPoint, str, dict[str, Any]]) -> None:
        who, entry_point, place, variables = one
        token = attackers.headers[who].get("authorization", "").removeprefix("Bearer ")
        async with open_socket(url) as socket:
            await socket.init(token or None)
            await socket.subscribe("a", entry_point.text, variables=variables)
            async with asyncio.timeout(MESSAGE_SECONDS):
                message = await socket.receive()
        attackers.judge(who, f"{entry_point.name} {place}", json.dumps(message).encode())

    await attackers.each("streams on sockets", tries, count, subscribe)

    async def listen(one: tuple[str, EntryPoint, str, dict[str, Any]]) -> None:
        who, entry_point, place, variables = one
        message = await _first_event(attackers, who, entry_point.text, variables)
        attackers.judge(who, f"{entry_point.name} {place} as events", message)

    await attackers.each("streams of events", tries[::-1], count, listen)


async def _first_event(attackers: Attackers, who: str, text: str, variables: Any) -> bytes:
    """The first message of a stream over HTTP: a snapshot, or the refusal."""
    headers = {"accept": "text/event-stream", **attackers.headers[who]}
    body = {"query": text, "variables": variables}
    http = attackers.harness.http
    async with (
        asyncio.timeout(MESSAGE_SECONDS),
        http.stream("POST", "/graphql", json=body, headers=headers) as response,
    ):
        async for line in response.aiter_lines():
            if line.startswith(EVENT) and len(line) > len(EVENT):
                return line.removeprefix(EVENT).encode()
        return b""


async def _download(attackers: Attackers, count: int) -> None:
    world = attackers.world
    tries = [
        (who, path, keys)
        for path in DOWNLOADS
        for keys in world.places.values()
        for who in attackers.actors
    ]

    async def fetch(one: tuple[str, str, Any]) -> None:
        who, path, keys = one
        download, actor = DOWNLOADS[path], attackers.actors[who]
        row = world.rows[download.model][keys[download.model]]
        url = path.replace("{id}", encode_id(download.model, row.id))
        response = await attackers.harness.http.get(url, headers=attackers.headers[who])
        # Files are for people.
        may = actor.app_id is None and any(party(world, actor, row) for party in download.parties)
        if (response.status_code == 200) != may:
            attackers.leaks.add((who, path, response.status_code))

    await attackers.each("downloads", tries, count, fetch)


async def _change(attackers: Attackers, count: int) -> None:
    """Send mutations that name a foreign row."""
    world, tries = attackers.world, []
    for name, text in mutation_texts().items():
        for place, keys in world.places.items():
            variables = _mutation_variables(name, keys)
            rows = list(named_rows(world, variables))
            for who, actor in attackers.actors.items():
                if _is_foreign(world, actor, rows, name):
                    tries.append((who, name, place, text, variables))

    async def change(one: tuple[str, str, str, str, Any]) -> None:
        who, name, place, text, variables = one
        response = await attackers.post(who, text, variables)
        attackers.judge(who, f"{name} {place}", response.content)

    await attackers.each("mutations", tries, count, change)


def _is_foreign(world: World, actor: Actor, rows: Sequence[Any], name: str) -> bool:
    """Whether a mutation names a row that is not the caller's: for apps, of another company."""
    if actor.app_id is None:
        return not all(may_act(world, actor, row, name) for row in rows)
    companies = {row.id if isinstance(row, Company) else _company_of(row) for row in rows}
    return bool(companies - {None, *actor.company_ids})


def _company_of(row: Any) -> Any:
    return getattr(row, "company_id", None)


def _mutation_variables(name: str, keys: Any) -> dict[str, Any]:
    return minimal_document("mutation", name, MUTATIONS[name], ids_for(name, keys))[1]


async def _fingerprints(target: Target) -> dict[str, tuple[int, int]]:
    """The number of rows of each table, and a sum over their contents."""
    url = target.instance.database_url.replace("+asyncpg", "", 1)
    connection = await asyncpg.connect(url)
    try:
        tables = await connection.fetch(
            "select relname from pg_class where relkind in ('r', 'p') and not relispartition"
            " and relnamespace = 'public'::regnamespace and relname <> 'spatial_ref_sys'"
        )
        prints = {}
        for (name,) in tables:
            if name in OWN_TABLES:
                continue
            row = await connection.fetchrow(
                f'select count(*), coalesce(sum(hashtext(t::text)::bigint), 0) from "{name}" t'  # noqa: S608 - a name of our own
            )
            prints[name] = (row[0], row[1])
        return prints
    finally:
        await connection.close()
