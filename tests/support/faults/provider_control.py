"""The payment provider as its own staff and the banks see it: outages, ended holds, its books."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from tests.support.faults.process_group import ServerGroup
from tests.support.waiting import until

# While people order: the captures of some are refused, and refunds stay pending.
FAULTS: dict[str, Any] = {"refuse_captures": 0.15, "pending_refunds": True}
LOST_ANSWERS = 3
OUTAGE_SECONDS = (2.0, 4.0)
ORDERS_PER_OUTAGE = 20
WAIT_SECONDS = 800.0
ANSWERED = (200, 400)


@dataclass
class ProviderControl:
    """The simulator's account, by its secret key; its process is not killed."""

    servers: ServerGroup
    http: aiohttp.ClientSession

    async def set_faults(self, **faults: Any) -> None:
        """Replace the active faults."""
        status, body = await self._post("/_control/faults", json=faults)
        assert status == 200, body

    async def end_authorization(self, client_secret: str) -> None:
        """End a hold as a bank does; nothing happens if it was captured before."""
        intent_id = client_secret.split("_secret_", maxsplit=1)[0]
        path = f"/v1/payment_intents/{intent_id}/cancel"

        async def is_answered() -> bool:
            return (await self._post(path))[0] in ANSWERED  # it may be out, or its answer lost

        await until(is_answered, WAIT_SECONDS, "an answer", poll_seconds=0.1)

    async def finish_refunds(self) -> int:
        """Send the money of all pending refunds; returns how many."""
        pending = [one for one in await self.objects("refunds") if one["status"] == "pending"]
        for refund in pending:
            end = {"refund": refund["id"], "status": "succeeded"}
            status, body = await self._post("/_control/refunds", json=end)
            assert status == 200, body
        return len(pending)

    async def objects(self, kind: str) -> list[dict[str, Any]]:
        """All objects of a kind (`refunds`, `payment_intents`), the newest first."""
        rows: list[dict[str, Any]] = []
        query = {"limit": "100"}
        while True:
            url = f"{self.servers.provider_url}/v1/{kind}"
            async with self.http.get(url, headers=self._headers, params=query) as response:
                page = await response.json()
            rows += page["data"]
            if not page["has_more"]:
                return rows
            query["starting_after"] = rows[-1]["id"]

    async def _post(self, path: str, **body: Any) -> tuple[int, Any]:
        url = self.servers.provider_url + path
        try:
            async with self.http.post(url, headers=self._headers, **body) as response:
                return response.status, await response.json()
        except aiohttp.ClientError as error:  # its answer was lost
            return 0, error

    @property
    def _headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.servers.secret_key}"}


@dataclass
class OutageSchedule:
    """Takes the provider down for a while, at seeded points between the first and last order."""

    control: ProviderControl
    rng: random.Random
    outages: list[float] = field(default_factory=list)

    async def run(self, finished_count: Callable[[], int], orders: int) -> None:
        count = max(2, orders // ORDERS_PER_OUTAGE)
        await self.control.set_faults(**FAULTS)
        for point in sorted(self.rng.sample(range(1, orders * 9 // 10), count)):
            await until(
                lambda point=point: finished_count() >= point,  # type: ignore[misc] # bound now
                WAIT_SECONDS,
                f"checkout {point}",
            )
            seconds = self.rng.uniform(*OUTAGE_SECONDS)
            await self.control.set_faults(**FAULTS, outage=True)
            await asyncio.sleep(seconds)
            await self.control.set_faults(**FAULTS, lose_answers=LOST_ANSWERS)
            self.outages.append(seconds)
