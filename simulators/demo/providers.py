"""The provider's side and the mailbox, by the control endpoints of the simulators."""

import re
from dataclasses import dataclass
from typing import Any

import aiohttp

from simulators.demo.checks import UnexpectedResult, wait_until

ANSWER_SECONDS = 10.0
MAIL_SECONDS = 15.0
LINK = re.compile(r"https?://\S+#(\S+)")


@dataclass(frozen=True, slots=True)
class PaymentProvider:
    """The simulated card provider, with its secret key."""

    http: aiohttp.ClientSession
    url: str
    secret_key: str

    async def set_faults(self, **faults: Any) -> None:
        """Inject these faults and no others."""
        await self._call("POST", "/_control/faults", json=faults)

    async def end_authorization(self, intent_id: str) -> None:
        """End the authorization of a payment, as the provider does when it is too old."""
        await self._call("POST", f"/v1/payment_intents/{intent_id}/cancel")

    async def received_minor(self, intent_id: str) -> int:
        """What was charged of a payment, in minor units."""
        intent = await self._call("GET", f"/v1/payment_intents/{intent_id}")
        return int(intent["amount_received"])

    async def _call(self, method: str, path: str, **content: Any) -> Any:
        headers = {"authorization": f"Bearer {self.secret_key}"}
        limit = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
        call = self.http.request(method, self.url + path, headers=headers, timeout=limit, **content)
        async with call as response:
            body = await response.json()
        if response.status != 200:
            raise UnexpectedResult(f"the provider answered {method} {path} with {body}")
        return body


@dataclass(frozen=True, slots=True)
class MailReader:
    """Reads the simulated mailbox."""

    http: aiohttp.ClientSession
    url: str

    async def link_key(self, address: str) -> str:
        """The key of the link in the newest mail to an address; waits for it."""
        mails = await wait_until(f"a mail to {address}", lambda: self._mails(address), MAIL_SECONDS)
        found = LINK.search(mails[0]["text"])
        if found is None:
            raise UnexpectedResult(f"the mail has no link: {mails[0]['text']}")
        return found[1]

    async def _mails(self, address: str) -> list[dict[str, Any]]:
        limit = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
        where = {"to": address}
        url = f"{self.url}/_control/messages"
        async with self.http.get(url, params=where, timeout=limit) as response:
            return list((await response.json())["messages"])
