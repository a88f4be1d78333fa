"""Renders the payloads of webhooks in the worker, by running their selections on the graph."""

from jobs.integrations import WebhookPayloadError
from models.integrations import App, WebhookEndpoint
from resolvers.context import Container
from resolvers.integrations.webhook_payloads import (
    PayloadRenderError,
    SelectionOutdated,
    payload_renderer,
)
from schema.root import graph
from services.integrations.webhook_events import WebhookEvent
from services.integrations.webhook_sending import DueDelivery
from services.integrations.webhook_signatures import active_secrets


class GraphPayloads:
    """Implements the jobs' `WebhookPayloadSource`."""

    def __init__(self, container: Container) -> None:
        self._container = container
        self._renderer = payload_renderer(graph)

    async def render(
        self, endpoint: WebhookEndpoint, app: App | None, event: WebhookEvent
    ) -> bytes:
        """Return the body; raises WebhookPayloadError, permanent for an outdated selection."""
        try:
            return await self._renderer.render(self._container, endpoint, app, event)
        except SelectionOutdated as error:
            raise WebhookPayloadError(str(error), permanent=True) from None
        except PayloadRenderError as error:
            raise WebhookPayloadError(str(error)) from None

    def signing_secrets(self, delivery: DueDelivery) -> list[str]:
        """Return the secrets that are active now."""
        return active_secrets(self._container.authenticator, delivery.endpoint, delivery.now)
