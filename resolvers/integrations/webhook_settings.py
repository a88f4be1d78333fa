"""Builds the settings of a webhook endpoint from inputs: validates the URL and the selection."""

from models.integrations import App, WebhookEndpoint
from resolvers.context import Info
from resolvers.integrations.inputs import WebhookEndpointCreateInput, WebhookEndpointUpdateInput
from resolvers.integrations.webhook_payloads import payload_renderer
from services.core.problems import DomainError, InvalidInput
from services.integrations.webhook_endpoints import EndpointSettings, payload_scopes

FIELDS = ("name", "url", "event_types", "payload_selection", "preserve_order")


def settings_to_create(
    info: Info, input: WebhookEndpointCreateInput, app: App | None
) -> EndpointSettings:
    """The settings of a new endpoint. Raises DomainError: InvalidInput, InvalidSelection."""
    return _validated(info, {name: getattr(input, name) for name in FIELDS}, app)


def settings_to_update(
    info: Info, input: WebhookEndpointUpdateInput, row: WebhookEndpoint, app: App | None
) -> EndpointSettings:
    """The new settings; None leaves a value unchanged. Validates against the current schema.

    Raises DomainError: InvalidInput, InvalidSelection.
    """
    values = {name: getattr(input, name) for name in FIELDS}
    merged = {n: getattr(row, n) if value is None else value for n, value in values.items()}
    return _validated(info, merged, app)


def _validated(info: Info, values: dict[str, object], app: App | None) -> EndpointSettings:
    webhooks = info.context.container.webhooks
    if (reason := webhooks.rejection_reason(str(values["url"]))) is not None:
        raise DomainError(InvalidInput(path=["input", "url"], message=reason))
    allowed = payload_scopes(info.context.actor, app)
    selection = payload_renderer(info.schema).check(str(values["payload_selection"]), allowed)
    computed = {"schema_version": selection.schema_version, "cost": selection.cost}
    return EndpointSettings(**values, **computed)  # type: ignore[arg-type] # values by field name
