"""A company's admin who makes apps, and the doors at which those knock."""

from dataclasses import dataclass
from typing import Any

import httpx

from models.ids import encode
from tests.support.actors import Standing
from tests.support.city import City
from tests.support.graph_queries import operation
from tests.support.server.client import RESPONSE_JSON, Doors

CREATE, SECRET = operation("app_create"), operation("app_secret_create")
UPDATE, END = operation("app_update"), operation("app_secret_revoke")
ALERTS = "query ($store: ID!) { stockAlerts(storeId: $store, first: 1) { nodes { id units } } }"


@dataclass
class Desk:
    """A company's admin who makes apps, and the doors at which those knock."""

    admin: Standing
    doors: Doors
    city: City

    async def do(self, document: str, **given: Any) -> Any:
        """The payload of a mutation that is not refused."""
        [payload] = (await self.admin.run(document, {"input": given})).values()
        assert payload["errors"] == []
        return payload

    async def app(self, *scopes: str) -> str:
        company = encode(type(self.city.company), self.city.company.id)
        given = {"companyId": company, "name": "Screens", "scopes": scopes or ["STOCK_READ"]}
        return str((await self.do(CREATE, **given))["app"]["id"])

    async def secret(self, app: str, kind: str = "API_KEY") -> tuple[str, str]:
        """The id and the text of a new secret."""
        done = await self.do(SECRET, appId=app, kind=kind, expiresInDays=90)
        return done["secret"]["id"], done["text"]

    async def ask(self, bearer: str, text: str = ALERTS) -> httpx.Response:
        store = encode(type(self.city.near), self.city.near.id)
        headers = {"authorization": f"Bearer {bearer}", "accept": RESPONSE_JSON}
        body = {"query": text, "variables": {"store": store}}
        return await self.doors.http.post("/graphql", json=body, headers=headers)

    async def token(self, app: str, secret: str, **more: str) -> httpx.Response:
        form = {"grant_type": "client_credentials", **more}
        return await self.doors.http.post("/oauth/token", data=form, auth=(app, secret))
