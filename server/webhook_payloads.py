"""What endpoints are told, made in a process that answers nobody: the graph runs in the worker."""

from jobs.integrations import Unsendable
from models.integrations import App, WebhookEndpoint
from resolvers.context import House
from resolvers.integrations.webhook_payloads import PayloadFault, SelectionOutdated, payloads_of
from schema.root import graph
from services.integrations.webhook_sending import Parcel
from services.integrations.webhook_signatures import secrets_of
from services.integrations.webhook_topics import Happening


class GraphPayloads:
    """Runs each endpoint's selection on the graph of the house."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._payloads = payloads_of(graph)

    async def render(self, endpoint: WebhookEndpoint, app: App | None, event: Happening) -> bytes:
        """The body; raises Unsendable, for ever when the graph has outgrown the selection."""
        try:
            return await self._payloads.render(self._house, endpoint, app, event)
        except SelectionOutdated as outdated:
            raise Unsendable(str(outdated), for_ever=True) from None
        except PayloadFault as fault:
            raise Unsendable(str(fault)) from None

    def secrets(self, parcel: Parcel) -> list[str]:
        """The secrets that sign now."""
        return secrets_of(self._house.identity, parcel.endpoint, parcel.now)
