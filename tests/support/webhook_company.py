"""A company whose events a third party hears of, both of the test's own."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from sqlalchemy import text

from database.scope import PLATFORM
from database.sessions import Origin
from gateways import webhook as gateway
from gateways.webhook import PublicWebhooks
from jobs import integrations
from models.identity import Grant, Role
from models.ids import encode
from resolvers.context import House
from server.webhook_payloads import GraphPayloads
from services.events.event_log import happened, inventory_stream
from tests.support import city as cities
from tests.support.actors import Standing, stand
from tests.support.city import City
from tests.support.graph_queries import operation
from tests.support.webhook_receiver import Receiver, receiving

PLACED = "{ type sequence orderId order { code status } }"
STOCK = "{ type sequence storeId changes { productId available } }"
CREATE = operation("webhook_endpoint_create")
UPDATE, DETAIL = operation("webhook_endpoint_update"), operation("webhook_endpoint_detail")
REPLAY, RETRY = operation("webhook_replay"), operation("webhook_delivery_retry")
PAUSE, RESUME = operation("webhook_endpoint_pause"), operation("webhook_endpoint_resume")
ROTATE = operation("webhook_secret_rotate")


@dataclass
class Yard:
    """A company of the test's own, its admin, and a third party that listens."""

    house: House
    city: City
    admin: Standing
    there: Receiver

    async def endpoint(self, *types: str, who: Standing | None = None, **more: Any) -> Any:
        """The payload of a new endpoint at the receiver."""
        company = encode(type(self.city.company), self.city.company.id)
        selection = PLACED if "ORDER_PLACED" in types else STOCK
        asked = {
            "companyId": company, "name": "There", "url": self.there.url,
            "eventTypes": types or ["STOCK_CHANGED"], "selection": selection, **more,
        }  # fmt: skip
        done = await (who or self.admin).run(CREATE, {"input": asked})
        return done["webhookEndpointCreate"]

    async def id(self, *types: str, **more: Any) -> str:
        made = await self.endpoint(*types, **more)
        assert made["errors"] == []
        return str(made["endpoint"]["id"])

    async def do(self, document: str, **given: Any) -> Any:
        [payload] = (await self.admin.run(document, {"input": given})).values()
        assert payload["errors"] == []
        return payload

    async def look(self, endpoint: str) -> Any:
        return (await self.admin.run(DETAIL, {"id": endpoint, "first": 100}))["webhookEndpoint"]

    async def log(self, endpoint: str) -> list[Any]:
        """The deliveries of an endpoint, in the order of their events."""
        nodes = (await self.look(endpoint))["deliveries"]["nodes"]
        return sorted(nodes, key=lambda one: (one["round"], one["eventAt"]))

    async def stock(self, units: int = 7, shop: int = 0) -> None:
        """One event of the nearest store's shelf."""
        company = (self.city.first, self.city.second)[shop]
        change = {"product_id": str(company.products[0].id), "on_hand": units, "held": 0}
        async with self.house.database.write(PLATFORM, Origin("test")) as session:
            stream, body = inventory_stream(company.stores[0].id), {**change, "version": 1}
            happened(session, stream, "STOCK_CHANGED", {"changes": [body]}, company_id=company.id)

    async def run(self) -> int:
        """Put on its way and send what is due; answers how many tries."""
        await integrations.fan_out(self.house.database)
        payloads = GraphPayloads(self.house)
        return await integrations.deliver(self.house.database, self.house.webhooks, payloads)

    async def again(self, **columns: str) -> int:
        """As `run`, when all the waiting is over."""
        await self.sql("update webhook_delivery set due_at = now() where status = 'PENDING'")
        await self.sql("update webhook_endpoint set circuit_open_until = null")
        return await self.run()

    async def sql(self, statement: str, **given: Any) -> None:
        async with self.house.database.write(PLATFORM, Origin("test")) as session:
            await session.execute(text(statement), given)


@pytest.fixture
async def yard(house: House, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Yard]:
    monkeypatch.setattr(gateway, "TOTAL_SECONDS", 0.5)
    city = await cities.build(house.database)
    admin = await stand(house, "Admin", Grant(Role.COMPANY_ADMIN, city.company.id))
    async with receiving() as there:
        ours = replace(house, webhooks=PublicWebhooks([there.door]))
        yield (one := Yard(ours, city, replace(admin, house=ours), there))
        await one.sql("update webhook_endpoint set status = 'ARCHIVED'")
        await ours.webhooks.close()
