"""A scenario for webhook tests: a company with its own data and a webhook receiver."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from sqlalchemy import text

from database.audit import AuditContext
from database.scope import PLATFORM
from gateways import webhook as gateway
from gateways.webhook import PublicWebhookClient
from jobs import integrations
from models.identity import Grant, Role
from models.ids import encode_id
from resolvers.context import Container
from server.webhook_payloads import GraphPayloads
from services.events.event_log import inventory_stream, record_event
from tests.support import city as cities
from tests.support.actors import ActorClient, create_client
from tests.support.city import City
from tests.support.graph_queries import operation
from tests.support.waiting import until
from tests.support.webhooks.receiver import WebhookReceiver, run_receiver

PLACED = "{ type sequence orderId order { code status } }"
STOCK = "{ type sequence storeId stockChanges { productId available } }"
CREATE = operation("webhook_endpoint_create")
UPDATE, DETAIL = operation("webhook_endpoint_update"), operation("webhook_endpoint_detail")
REPLAY, RETRY = operation("webhook_replay"), operation("webhook_delivery_retry")
PAUSE, RESUME = operation("webhook_endpoint_pause"), operation("webhook_endpoint_resume")
ROTATE = operation("webhook_endpoint_secret_rotate")
ARCHIVE_ALL = "update webhook_endpoint set status = 'ARCHIVED'"
# Long enough for a busy machine: the first payload of a process takes a while to prepare.
TIMEOUT_SECONDS = 2.0


@dataclass
class WebhookScenario:
    """A company that only this test changes, its admin, and a webhook receiver."""

    container: Container
    city: City
    admin: ActorClient
    receiver: WebhookReceiver

    async def create_endpoint(
        self, *types: str, who: ActorClient | None = None, **fields: Any
    ) -> Any:
        """Create an endpoint at the receiver and return the payload."""
        company_id = encode_id(type(self.city.company), self.city.company.id)
        selection = PLACED if "ORDER_PLACED" in types else STOCK
        endpoint_input = {
            "companyId": company_id, "name": "There", "url": self.receiver.url,
            "eventTypes": types or ["STOCK_CHANGED"], "payloadSelection": selection, **fields,
        }  # fmt: skip
        data = await (who or self.admin).run(CREATE, {"input": endpoint_input})
        return data["webhookEndpointCreate"]

    async def create_endpoint_id(self, *types: str, **fields: Any) -> str:
        """Create an endpoint and return its id."""
        payload = await self.create_endpoint(*types, **fields)
        assert payload["errors"] == []
        return str(payload["webhookEndpoint"]["id"])

    async def mutate(self, document: str, **fields: Any) -> Any:
        """Run a mutation as the admin, which must succeed, and return its payload."""
        [payload] = (await self.admin.run(document, {"input": fields})).values()
        assert payload["errors"] == []
        return payload

    async def endpoint_detail(self, endpoint_id: str) -> Any:
        return (await self.admin.run(DETAIL, {"id": endpoint_id, "first": 100}))["webhookEndpoint"]

    async def deliveries(self, endpoint_id: str) -> list[Any]:
        """Return the deliveries of an endpoint, in the order of their events."""
        nodes = (await self.endpoint_detail(endpoint_id))["deliveries"]["nodes"]
        return sorted(nodes, key=lambda node: (node["replayNumber"], node["occurredAt"]))

    async def record_stock_event(
        self, units: int = 7, company_index: int = 0, *, wait: bool = True
    ) -> None:
        """Record a stock event of the first store of a company; waits until it is readable."""
        company = (self.city.first, self.city.second)[company_index]
        change = {"product_id": str(company.products[0].id), "on_hand": units, "held": 0}
        async with self.container.database.write(PLATFORM, AuditContext("test")) as session:
            stream, body = inventory_stream(company.stores[0].id), {**change, "version": 1}
            record_event(
                session, stream, "STOCK_CHANGED", {"changes": [body]}, company_id=company.id
            )
        if wait:
            await self.until_readable()

    async def until_readable(self) -> None:
        """Wait until the log reader can read all committed events.

        It stops before the oldest running transaction of the whole PostgreSQL server, which may
        be one of autovacuum or of another test run.
        """
        next_transaction = await self._read("select pg_snapshot_xmax(pg_current_snapshot())::text")
        ended = "select pg_snapshot_xmin(pg_current_snapshot()) >= cast(cast(:tx as text) as xid8)"
        await until(
            lambda: self._read(ended, tx=next_transaction), what="the end of earlier transactions"
        )

    async def send_due(self) -> int:
        """Queue deliveries and send those that are due; returns the number of attempts."""
        await integrations.fan_out(self.container.database)
        payloads = GraphPayloads(self.container)
        return await integrations.deliver(
            self.container.database, self.container.webhooks, payloads
        )

    async def send_all(self) -> int:
        """As `send_due`, after making all pending deliveries due and closing all circuits."""
        await self.execute(
            "update webhook_delivery set next_attempt_at = now() where status = 'PENDING'"
        )
        await self.execute("update webhook_endpoint set circuit_open_until = null")
        return await self.send_due()

    async def _read(self, query: str, **parameters: Any) -> Any:
        async with self.container.database.read(PLATFORM) as session:
            return await session.scalar(text(query), parameters)

    async def execute(self, statement: str, **parameters: Any) -> None:
        """Run an SQL statement."""
        async with self.container.database.write(PLATFORM, AuditContext("test")) as session:
            await session.execute(text(statement), parameters)


@pytest.fixture
async def scenario(
    container: Container, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[WebhookScenario]:
    monkeypatch.setattr(gateway, "TOTAL_TIMEOUT_SECONDS", TIMEOUT_SECONDS)
    city = await cities.build_city(container.database)
    admin = await create_client(container, "Admin", Grant(Role.COMPANY_ADMIN, city.company.id))
    async with run_receiver() as receiver:
        webhooks = PublicWebhookClient([receiver.address])
        own_container = replace(container, webhooks=webhooks)
        admin = replace(admin, container=own_container)
        scenario = WebhookScenario(own_container, city, admin, receiver)
        # Other tests leave active endpoints whose deliveries would be sent and counted here.
        await scenario.execute(ARCHIVE_ALL)
        yield scenario
        await scenario.execute(ARCHIVE_ALL)
        await webhooks.close()
