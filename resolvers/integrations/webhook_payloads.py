"""Renders webhook payloads: an endpoint's selection, executed as a query with its owner's rights.

A selection is a selection set on `WebhookEvent`, optionally followed by fragments. It is validated,
and its cost computed, when it is registered and again when the schema has changed; nothing is sent
for a selection that is no longer valid.
"""

import logging
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Any
from uuid import UUID

import orjson
import strawberry
from graphql import (
    ArgumentNode,
    DefinitionNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLError,
    NameNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
    parse,
    print_ast,
)

from dataloaders.loaders import Loaders
from execution import Answer, Engine, Limits, PreparedOperation, referenced_fields
from models.identity import Actor, AppScope, app_grants
from models.integrations import App, WebhookEndpoint
from models.message_text import number_text
from resolvers import rules, scopes
from resolvers.context import Container, Context
from resolvers.rules import AccessDenied
from services.core.problems import DomainError
from services.integrations.webhook_endpoints import InvalidSelection, payload_scopes
from services.integrations.webhook_events import WebhookEvent

log = logging.getLogger("darkstore.webhooks")

MAX_SELECTION_LENGTH = 8_192
MAX_SELECTION_COST = 500
MAX_REASONS = 5
ROOT, VARIABLE = "webhookEvent", "event"
APP_ID = UUID(int=0)
"""Stands for the app and its company when a selection is checked: rules ask for roles alone."""
QUERY_TEMPLATE = (
    f"query WebhookPayload(${VARIABLE}: ID!) {{ {ROOT}(id: ${VARIABLE}) {{ __typename }} }}"
)


class PayloadRenderError(Exception):
    """The payload can't be rendered; the endpoint's owner may see the message."""


class SelectionOutdated(PayloadRenderError):
    """The selection is not valid in the current schema, so no later attempt can succeed."""


@dataclass(frozen=True, slots=True)
class CheckedSelection:
    """The cost of a valid selection, and the version of the schema it was validated against."""

    cost: int
    schema_version: str


class PayloadRenderer:
    """Validates selections and renders payloads; caches the prepared queries."""

    def __init__(self, schema: strawberry.Schema) -> None:
        limits = Limits(cost=MAX_SELECTION_COST, document_characters=2 * MAX_SELECTION_LENGTH)
        self._schema = schema._schema
        self._engine = Engine(
            schema, limits=limits, introspection=False, on_error=_to_graphql_error
        )
        self.version = sha256(schema.as_str().encode()).hexdigest()[:12]

    def check(self, selection: str, allowed: frozenset[AppScope]) -> CheckedSelection:
        """Validate a selection within these scopes. Raises DomainError: InvalidSelection."""
        try:
            prepared = self._prepare(selection)
            self._require_access(prepared, _app_actor(APP_ID, APP_ID, allowed))
        except PayloadRenderError as error:
            reasons = str(error).split("\n")[:MAX_REASONS]
            path = ["input", "payloadSelection"]
            message = "The selection can't be sent."
            problem = InvalidSelection(path=path, message=message, reasons=reasons)
            raise DomainError(problem) from None
        return CheckedSelection(prepared.cost, self.version)

    async def render(
        self, container: Container, endpoint: WebhookEndpoint, app: App | None, event: WebhookEvent
    ) -> bytes:
        """Render the body of a message. Raises PayloadRenderError."""
        actor = payload_actor(endpoint, app)
        prepared = self._prepare(endpoint.payload_selection)
        self._require_access(prepared, actor)
        context = Context(container, actor, Loaders(container.database, actor.scope()))
        answer = await self._engine.execute(prepared, {VARIABLE: event.event_id}, context)
        if answer.errors:
            raise PayloadRenderError(_error_messages(answer))
        message = {
            "id": event.event_id,
            "type": event.type,
            "timestamp": event.at,
            "schemaVersion": endpoint.schema_version,
            "data": answer.data[ROOT],
        }
        return orjson.dumps(message, option=orjson.OPT_UTC_Z)

    def _prepare(self, selection: str) -> PreparedOperation:
        if len(selection) > MAX_SELECTION_LENGTH:
            raise SelectionOutdated(
                f"A selection has at most {number_text(MAX_SELECTION_LENGTH)} characters."
            )
        prepared = self._engine.prepare(build_document(selection))
        if isinstance(prepared, Answer):
            raise SelectionOutdated(_error_messages(prepared))
        return prepared

    def _require_access(self, prepared: PreparedOperation, actor: Actor) -> None:
        """Refuse what every message would be refused: a missing scope, a field of other roles."""
        references = referenced_fields(self._schema, prepared)
        denial = scopes.scope_denial(actor, self._schema, references)
        denial = denial or rules.rule_denial(actor, self._schema, references)
        if denial is not None:
            raise PayloadRenderError(str(denial))


@lru_cache(maxsize=2)
def payload_renderer(schema: strawberry.Schema) -> PayloadRenderer:
    """The renderer of a schema, cached."""
    return PayloadRenderer(schema)


def payload_actor(endpoint: WebhookEndpoint, app: App | None) -> Actor:
    """The actor that runs the query: the endpoint's app, or an app with all scopes without one."""
    app_id = endpoint.id if app is None else app.id
    person_id = endpoint.id if app is None else app.person_id
    granted = frozenset(AppScope) if app is None else payload_scopes(Actor(), app)
    return _app_actor(endpoint.company_id, app_id, granted, person_id)


def _app_actor(
    company_id: UUID, app_id: UUID, granted: frozenset[AppScope], person_id: UUID | None = None
) -> Actor:
    scopes_of_app = granted | {AppScope.WEBHOOKS_READ}
    return Actor(person_id or app_id, None, app_grants(company_id), app_id, scopes_of_app)


def build_document(selection: str) -> str:
    """Wrap a selection in a query. Raises SelectionOutdated if it is not a selection."""
    try:
        definitions = parse(selection, max_tokens=Limits().tokens).definitions
    except (GraphQLError, RecursionError) as error:
        raise SelectionOutdated(
            str(getattr(error, "message", "It is nested too deeply."))
        ) from None
    selections = [one for one in definitions if isinstance(one, OperationDefinitionNode)]
    fragments = [one for one in definitions if isinstance(one, FragmentDefinitionNode)]
    has_others = len(selections) + len(fragments) != len(definitions)
    if len(selections) != 1 or has_others or not _is_anonymous_query(selections[0]):
        raise SelectionOutdated("Write one selection in braces, and fragments after it.")
    query = _wrap_in_query(selections[0].selection_set)
    return print_ast(DocumentNode(definitions=(query, *fragments)))


def _is_anonymous_query(node: OperationDefinitionNode) -> bool:
    is_query = node.operation.value == "query"
    return is_query and not (node.name or node.variable_definitions or node.directives)


def _wrap_in_query(selections: SelectionSetNode) -> DefinitionNode:
    [head] = parse(QUERY_TEMPLATE).definitions
    if not isinstance(head, OperationDefinitionNode):
        raise TypeError(QUERY_TEMPLATE)
    name = NameNode(value=VARIABLE)
    argument = ArgumentNode(name=NameNode(value="id"), value=VariableNode(name=name))
    root = FieldNode(
        name=NameNode(value=ROOT), arguments=(argument,), directives=(), selection_set=selections
    )
    return OperationDefinitionNode(
        operation=head.operation,
        name=head.name,
        variable_definitions=head.variable_definitions,
        directives=(),
        selection_set=SelectionSetNode(selections=(root,)),
    )


def _error_messages(answer: Answer) -> str:
    return "\n".join(str(error["message"]) for error in (answer.errors or [])[:MAX_REASONS])


def _to_graphql_error(error: GraphQLError) -> dict[str, Any]:
    cause = error.original_error
    if cause is None or isinstance(cause, AccessDenied | DomainError):
        return {"message": error.message}
    log.warning("rendering a webhook payload failed at %s", error.path, exc_info=cause)
    return {"message": f"The payload failed at {error.path}."}
