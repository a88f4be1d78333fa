"""Plays operations on a running server, and measures the CPU that each takes and what it costs."""

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
from graphql import FieldNode, OperationDefinitionNode, parse

from execution import PreparedOperation
from resolvers import prices
from server.persisted_queries.manifest import HEAD_COMMENT
from tests.support import riders
from tests.support.actors import engine
from tests.support.operations.player import Operation, OperationPlayer
from tests.support.production.cpu_meter import CpuMeter, CpuTime
from tests.support.production.harness import headers_of

READS = 2
"""How often a query is sent again after its first answer."""
EVENT = "data: "
# The server keeps points of a track for seconds, so the test stores them, too.
REPORTS = {"rider_location_report", "rider_locations_report"}


@dataclass
class Spending:
    """CPU and units of one kind of work, over some requests."""

    server_ms: float = 0.0
    database_ms: float = 0.0
    units: int = 0
    count: int = 0

    def add(self, used: CpuTime, units: int) -> None:
        self.server_ms += used.server_ms
        self.database_ms += used.database_ms
        self.units += units
        self.count += 1

    @property
    def ms_per_unit(self) -> float:
        """Milliseconds of CPU of the server for each unit."""
        return self.server_ms / max(1, self.units)


@dataclass
class MeasuringPlayer(OperationPlayer):
    """Sends each operation of the stories to the server; `spent` is by type and root field."""

    http: httpx.AsyncClient = field(default_factory=httpx.AsyncClient)
    meter: CpuMeter = field(default_factory=lambda: CpuMeter(0, 0))
    spent: dict[str, Spending] = field(default_factory=lambda: defaultdict(Spending))

    async def __call__(self, who: str, name: str, /, **given: Any) -> Any:
        """The value of the operation's root field, which must have no errors."""
        operation = Operation(name)
        variables = operation.variables(**given)
        key, kind = root_of(operation.document)
        for _ in range(READS if kind == "query" else 0):
            await self.measure(key, who, document_of(operation), variables)
        data = await self.measure(key, who, document_of(operation), variables)
        [value] = data.values()
        assert value is not None, name
        assert not isinstance(value, dict) or not value.get("errors"), (name, value)
        if name in REPORTS:
            await riders.age_positions(self.container.database, self.city)
            await super().__call__(who, name, **given)
        return value

    async def measure(self, key: str, who: str, document: str, variables: Any) -> Any:
        """Send one operation, and note what it took and cost."""
        answer = await self.post(key, who, {"query": document, "variables": variables})
        assert not answer.get("errors"), (key, answer["errors"])
        return answer["data"]

    async def post(self, key: str, who: str, body: Any, price: int = 0) -> Any:
        """Send a body; `price` is for an answer that does not tell it, a refusal."""
        content = json.dumps(body).encode()
        headers = headers_of(self.clients[who], **{"content-type": "application/json"})
        before = self.meter.read()
        response = await self.http.post("/graphql", content=content, headers=headers)
        used = self.meter.read().since(before)
        answer = response.json()
        cost = answer.get("extensions", {}).get("cost")
        self.spent[key].add(used, cost["actual"] if cost else price)
        return answer

    async def request(self, key: str, price: int, method: str, path: str, **options: Any) -> int:
        """Send a request to another entry point; the status. A header tells the paid price."""
        before = self.meter.read()
        response = await self.http.request(method, path, **options)
        used = self.meter.read().since(before)
        self.spent[key].add(used, int(response.headers.get("darkstore-cost", price)))
        return response.status_code

    async def watch(self, who: str, name: str, /, **given: Any) -> Any:
        """The first message of a subscription, which is paid for at its start."""
        operation = Operation(name)
        document, variables = document_of(operation), operation.variables(**given)
        key, _ = root_of(operation.document)
        headers = headers_of(self.clients[who], accept="text/event-stream")
        body = {"query": document, "variables": variables}
        before = self.meter.read()
        async with self.http.stream("POST", "/graphql", json=body, headers=headers) as stream:
            async for line in stream.aiter_lines():
                if line.startswith(EVENT) and len(line) > len(EVENT):
                    break
        used = self.meter.read().since(before)
        self.spent[key].add(used, subscription_price(document, variables))
        answer = json.loads(line[len(EVENT) :])
        assert not answer.get("errors"), (name, answer)
        [message] = answer["data"].values()
        assert message["kind"] == "SNAPSHOT"
        return message


def subscription_price(document: str, variables: Mapping[str, Any]) -> int:
    """What a subscription costs at its start, without its document and plan."""
    prepared = engine().prepare(document)
    assert isinstance(prepared, PreparedOperation)
    return engine().cost(prepared, variables)


def document_of(operation: Operation) -> str:
    """The document as the manifest has it."""
    return HEAD_COMMENT.sub("", operation.document).strip()


def root_of(document: str) -> tuple[str, str]:
    """The type and the name of the root field of a document, and the kind of its operation."""
    [operation] = (
        one for one in parse(document).definitions if isinstance(one, OperationDefinitionNode)
    )
    [root] = (one for one in operation.selection_set.selections if isinstance(one, FieldNode))
    kind = operation.operation.value
    return f"{kind.title()}.{root.name.value}", kind


def prepared_price(document: str) -> int:
    """What a document costs that is not prepared yet, with one plan."""
    tokens = prices.count_tokens(document)
    return prices.document_price(document) + prices.plan_price(tokens)
