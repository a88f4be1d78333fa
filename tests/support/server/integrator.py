"""A company's admin who creates apps, and requests of those apps."""

from dataclasses import dataclass
from typing import Any, Self

import httpx
from sqlalchemy import func, update

from database.audit import AuditContext
from database.scope import PLATFORM
from models.ids import encode_id
from models.integrations import App
from tests.support.actors import ActorClient
from tests.support.city import City
from tests.support.graph_queries import operation
from tests.support.server.client import RESPONSE_JSON, ServerClient

CREATE_APP, CREATE_SECRET = operation("app_create"), operation("app_secret_create")
UPDATE_APP, REVOKE_SECRET = operation("app_update"), operation("app_secret_revoke")
ALERTS = "query ($store: ID!) { stockAlerts(storeId: $store, first: 1) { nodes { id units } } }"


@dataclass
class AppAdmin:
    """A company's admin who creates apps, and requests of those apps."""

    admin: ActorClient
    client: ServerClient
    city: City

    @classmethod
    async def create(cls, admin: ActorClient, client: ServerClient, city: City) -> Self:
        """Revoke the apps that earlier tests left: they share the company and its limit of apps."""
        database, left = admin.container.database, App.company_id == city.company.id
        async with database.write(PLATFORM, AuditContext("test:apps")) as session:
            active = update(App).where(left, App.revoked_at.is_(None))
            await session.execute(active.values(revoked_at=func.now()))
        return cls(admin, client, city)

    async def run(self, document: str, **values: Any) -> Any:
        """Run a mutation that must succeed; its payload."""
        [payload] = (await self.admin.run(document, {"input": values})).values()
        assert payload["errors"] == []
        return payload

    async def create_app(self, *scopes: str) -> str:
        company = encode_id(type(self.city.company), self.city.company.id)
        values = {"companyId": company, "name": "Screens", "scopes": scopes or ["STOCK_READ"]}
        return str((await self.run(CREATE_APP, **values))["app"]["id"])

    async def create_secret(self, app: str, kind: str = "API_KEY") -> tuple[str, str]:
        """Create a secret; its id and its text."""
        payload = await self.run(CREATE_SECRET, appId=app, type=kind, expiresInDays=90)
        return payload["appSecret"]["id"], payload["secretValue"]

    async def query_as(self, bearer: str, text: str = ALERTS) -> httpx.Response:
        store = encode_id(type(self.city.near), self.city.near.id)
        headers = {"authorization": f"Bearer {bearer}", "accept": RESPONSE_JSON}
        body = {"query": text, "variables": {"store": store}}
        return await self.client.http.post("/graphql", json=body, headers=headers)

    async def request_token(self, app: str, secret: str, **more: str) -> httpx.Response:
        form = {"grant_type": "client_credentials", **more}
        return await self.client.http.post("/oauth/token", data=form, auth=(app, secret))
