"""Malicious documents and bodies from somebody who may send documents of their own."""

import json
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from attack.bystander import bystander_of
from attack.figures import Effort, Figure
from attack.target import Target
from models.identity import Grant, Role
from tests.support.actors import create_client
from tests.support.execution.malicious_documents import malicious_documents
from tests.support.production.cpu_meter import CpuMeter
from tests.support.production.harness import Harness, headers_of, open_harness

KNOWN = "{ viewer { id roles } }"
MAX_RATIO = 60.0
"""How many ordinary requests a refusal may take; what it costs its caller is another class."""
MEMORY_MB = 64.0
SHOWN = 5
ORDINARY_COUNT = 20


def bodies() -> Mapping[str, bytes]:
    """Each body by its name; every one is to be refused."""
    texts = dict(malicious_documents())
    many = " ".join(f"query q {{ a{n}: schemaVersion }}" for n in range(4))
    texts |= {
        "operations of one name": many,
        "half of a surrogate pair": '{ node(id: "\\ud800") { id } }',
        "NUL in a text": '{ node(id: "\\u0000") { id } }',
        "a long literal": "{ ownTickets(first: %s) { nodes { id } } }" % ("9" * 30_000),
        "an object literal of 300 fields": "{ node(id: {" + "a: 1 " * 300 + "}) { id } }",
        "introspection": "{ __schema { types { name fields { name type { name } } } } }",
        "variables that no operation has": "query ($a: Nothing!) { node(id: $a) { id } }",
    }  # fmt: skip
    plain = {name: json.dumps({"query": text}).encode() for name, text in texts.items()}
    return plain | {
        "a batch of 1,000": json.dumps([{"query": KNOWN}] * 1_000).encode(),
        "text that is no UTF-8": b'{"query":"{ \xff\xfe }"}',
        "an escaped surrogate": b'{"query":"{ \\ud800 }"}',
        "JSON of 40,000 levels": b'{"query":"{ x }","variables":' + b"[" * 40_000 + b"}",
        "variables of 60,000 levels": _variables(b'{"a":' * 15_000 + b"1" + b"}" * 15_000),
        "variables of 90 KB": _variables(b'{"ids":[' + b"1.5," * 22_000 + b"1]}"),
        "variables that are a list": _variables(b"[1]"),
        "two queries in a body": b'{"query":"{ x }"}{"query":"{ y }"}',
    }


def _variables(text: bytes) -> bytes:
    document = b'"query ($ids: [ID!]!) { nodes(ids: $ids) { id } }"'
    return b'{"query":' + document + b',"variables":' + text + b"}"


async def attack(target: Target, effort: Effort) -> Sequence[Figure]:
    """Send each body as an agent of the platform, while a bystander asks."""
    before, count = target.memory_mb(), 3 if effort.short else 10
    meter = CpuMeter(target.pid, target.instance.postgres.pid() or 0)
    async with open_harness(target) as harness, bystander_of(target) as bystander:
        agent = await create_client(harness.container, "Agent", Grant(Role.SUPPORT_AGENT))
        sender = _Sender(harness, meter, headers_of(agent))
        ordinary = await sender.ordinary_ms()
        spent = {name: await sender.send(body, count) for name, body in bodies().items()}
    ratios = sorted(((ms / ordinary, name) for name, ms in spent.items()), reverse=True)
    return [
        Figure("kinds of documents and bodies", len(spent), 1, at_least=True),
        *(Figure(f"CPU of {name}", ratio, MAX_RATIO, "x") for ratio, name in ratios[:SHOWN]),
        Figure("that are executed, or answered as our fault", len(sender.wrong), 0),
        Figure("growth of the server's memory", target.memory_mb() - before, MEMORY_MB, "MB"),
        Figure("requests of a bystander that failed", bystander.failures, 0),
    ]


class _Sender:
    """Sends bodies, and notes what is not refused as it should be."""

    def __init__(self, harness: Harness, meter: CpuMeter, headers: dict[str, str]) -> None:
        self._harness, self._meter = harness, meter
        self._headers = {"content-type": "application/json", **headers}
        self.wrong: set[tuple[int, str]] = set()

    async def ordinary_ms(self) -> float:
        """The CPU of an ordinary request."""
        for _ in range(ORDINARY_COUNT):
            await self._post(json.dumps({"query": KNOWN}).encode())
        before = self._meter.read()
        for _ in range(ORDINARY_COUNT):
            await self._post(json.dumps({"query": KNOWN}).encode())
        return self._meter.read().since(before).server_ms / ORDINARY_COUNT

    async def send(self, body: bytes, count: int) -> float:
        """The CPU of one request with this body: the median, since timers of the server run too."""
        spent: list[float] = []
        for _ in range(count):
            before = self._meter.read()
            status, answer = await self._post(body)
            codes = {one.get("extensions", {}).get("code") for one in answer.get("errors", [])}
            if status >= 500 or answer.get("data") is not None or "INTERNAL" in codes:
                self.wrong.add((status, str(answer)[:200]))
            spent.append(self._meter.read().since(before).server_ms)
        return median(spent)

    async def _post(self, body: bytes) -> tuple[int, Any]:
        response = await self._harness.http.post("/graphql", content=body, headers=self._headers)
        return response.status_code, response.json()
