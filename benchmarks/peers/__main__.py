"""Measures our server beside its peers on the same rows: `python -m benchmarks.peers`.

Every server is one process with the same number of connections to the same private PostgreSQL.
Before anything is measured their answers are compared: all must say the same.
"""

import argparse
import asyncio
import json
import re
import sys
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

from benchmarks.peers import report
from benchmarks.peers.contenders import (
    CONTENDERS,
    HERE,
    Running,
    has_node,
    has_npm_packages,
    started,
)
from benchmarks.peers.measure import CONNECTIONS, Figures, limit, loaded, median
from benchmarks.peers.operations import Operation, operations
from benchmarks.peers.place import ROOT, Place, open_place
from database.base import uuid7
from database.sessions import Database
from models.identity import Actor, Grant, Role
from workflows.identity.authenticator import Authenticator

SHORT_CONNECTIONS = 2
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")

SESSION = (
    "insert into sign_in_session (id, person_id, device, address, expires_at)"
    " values ('{session}', '{person}', 'bench', '', now() + interval '1 day')"
)


class Bench:
    """One run: its place, its servers and the session that ours knows the customer by."""

    def __init__(
        self, place: Place, servers: list[Running], seconds: float, connections: int
    ) -> None:
        self.place = place
        self.servers = servers
        self.seconds = seconds
        self.connections = connections
        self.session = uuid7()
        postgres = place.instance.postgres
        postgres.sql(
            SESSION.format(session=self.session, person=place.customer),
            "darkstore",
        )

    def headers(self, running: Running, operation: Operation) -> dict[str, str]:
        """Who asks: a signed token for ours, the bare key for peers, which believe it."""
        headers = dict(operation.headers)
        if operation.signed and running.contender.ours:
            headers["authorization"] = f"Bearer {asyncio.run(self._token())}"
        elif operation.signed:
            headers["x-person"] = str(self.place.customer)
        return headers

    async def _token(self) -> str:
        url = self.place.instance.database_url
        database = Database(url)
        identity = Authenticator(keys_file=self.place.keys_file, database=database)
        actor = Actor(self.place.customer, self.session, (Grant(Role.CUSTOMER),))
        token, _ = identity.sign(actor)
        await database.close()
        return token

    def check(self, operation: Operation) -> None:
        """Raise SystemExit unless every server answers the same."""
        first: Any = None
        for running in self.servers:
            dialect = running.contender.dialect
            data = running.ask(operation.body(dialect), self.headers(running, operation))
            if dialect == "graphile":
                data = operation.normalize(data)
            said = _comparable(data)
            if first is None:
                first = said
            elif said != first and operation.name not in {"hello", "proxied"}:
                difference = json.dumps([first, said], default=str, indent=1)
                (ROOT / ".darkstore" / "bench" / "difference.json").write_text(difference)
                raise SystemExit(
                    f"bench: {running.contender.name} answers {operation.name} differently:"
                    " see .darkstore/bench/difference.json"
                )

    def measure(self, chosen: list[Operation], rounds: int) -> dict[str, dict[str, Any]]:
        """Medians by operation and server; the servers take turns, so that noise hits all."""
        results: dict[str, dict[str, Any]] = {}
        for operation in chosen:
            self.check(operation)
            figures: defaultdict[str, list[Figures]] = defaultdict(list)
            for nth in range(rounds):
                turn = (
                    self.servers[nth % len(self.servers) :]
                    + self.servers[: nth % len(self.servers)]
                )
                for running in turn:
                    figures[running.contender.name].append(self._round(running, operation))
            results[operation.name] = {
                running.contender.name: median(figures[running.contender.name])
                for running in self.servers
            }
            print(report.table(operation.name, results[operation.name]), flush=True)
        return results

    def _round(self, running: Running, operation: Operation) -> Figures:
        body = operation.body(running.contender.dialect)
        headers = self.headers(running, operation)
        postgres = self.place.instance.postgres
        return loaded(running, body, headers, postgres, self.seconds, self.connections)


def _comparable(value: Any) -> Any:
    """The same with moments as moments: some write +00:00, some Z, some milliseconds."""
    if isinstance(value, dict):
        return {key: _comparable(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_comparable(inner) for inner in value]
    if isinstance(value, str) and MOMENT.match(value):
        return datetime.fromisoformat(value)
    return value


def arguments() -> argparse.Namespace:
    """The options of this run; the short form leaves out what is not installed."""
    names = [contender.name for contender in CONTENDERS]
    parser = argparse.ArgumentParser(prog="benchmarks.peers", description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--rounds", type=int, default=3)
    # Our server on graphql-core takes seconds for the hundred orders: only on request.
    usual = [contender.name for contender in CONTENDERS if not contender.reference]
    parser.add_argument("--servers", nargs="+", choices=names, default=usual)
    parser.add_argument("--operations", nargs="+")
    parser.add_argument("--save", action="store_true", help="keep them in benchmarks/results/")
    parser.add_argument("--short", action="store_true", help="only check that it runs")
    chosen = parser.parse_args()
    if chosen.short:
        chosen.seconds, chosen.rounds, chosen.save = 0.1, 1, False
        if not has_npm_packages():
            chosen.servers = [report.OURS]
            print("bench: the packages of npm are missing, so the other servers were left out.")
    return chosen


def run(place: Place, chosen: argparse.Namespace) -> report.Summary | None:
    """Compare and measure; None where Node is missing, which generates the load."""
    wanted = [
        operation
        for operation in operations(place.customer, place.order)
        if not chosen.operations or operation.name in chosen.operations
    ]
    with started(place, chosen.servers) as servers:
        bench = Bench(
            place, servers, chosen.seconds, SHORT_CONNECTIONS if chosen.short else CONNECTIONS
        )
        if chosen.short and not has_node():
            for operation in wanted:
                bench.check(operation)
            print("bench: Node is missing, so our answers were read but not measured.")
            return None
        results = bench.measure(wanted, chosen.rounds)
    most = limit(place.instance.postgres, HERE / "limit.sql", chosen.seconds)
    return report.Summary(results, most, chosen.rounds, chosen.seconds)


def main() -> int:
    """Run, print the tables, and keep the results when asked to."""
    chosen = arguments()
    place = open_place()
    began = datetime.now(UTC)
    try:
        summary = run(place, chosen)
    finally:
        place.instance.stop()
    if summary is not None:
        print(summary.verdict())
    print(f"took {(datetime.now(UTC) - began) // timedelta(seconds=1)} s", file=sys.stderr)
    if summary is not None and chosen.save:
        print(f"saved in {summary.save(place).relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
