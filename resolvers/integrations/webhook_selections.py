"""What an endpoint is to be, out of what was asked: the address looked at, the selection priced."""

from models.integrations import App, WebhookEndpoint
from resolvers.context import Info
from resolvers.integrations.inputs import WebhookEndpointCreateInput, WebhookEndpointUpdateInput
from resolvers.integrations.webhook_payloads import payloads_of
from services.core.problems import InvalidInput, Refused
from services.integrations.webhook_endpoints import Wish, scopes_of

FIELDS = ("name", "url", "event_types", "selection", "ordered")


def wished(info: Info, input: WebhookEndpointCreateInput, app: App | None) -> Wish:
    """Everything was said. Refused: InvalidInput, SelectionInvalid."""
    return _checked(info, {name: getattr(input, name) for name in FIELDS}, app)


def changed(
    info: Info, input: WebhookEndpointUpdateInput, row: WebhookEndpoint, app: App | None
) -> Wish:
    """What was not said stays; the selection is checked by the graph as it is now."""
    said = {name: getattr(input, name) for name in FIELDS}
    kept = {n: getattr(row, n) if value is None else value for n, value in said.items()}
    return _checked(info, kept, app)


def _checked(info: Info, given: dict[str, object], app: App | None) -> Wish:
    if (reason := info.context.house.webhooks.against(str(given["url"]))) is not None:
        raise Refused(InvalidInput(path=["input", "url"], message=reason))
    payloads = payloads_of(info.schema)
    allowed = scopes_of(info.context.actor, app)
    checked = payloads.check(str(given["selection"]), allowed)
    known = {"schema_version": checked.schema_version, "cost": checked.cost}
    return Wish(**given, **known)  # type: ignore[arg-type] # each by its own name
