"""What an endpoint is told of an event: its selection, run as a query with its owner's rights.

A selection is written like the inside of a query on `WebhookEvent`, fragments after it if there are
any. It is validated and priced when it is registered, and again whenever the graph has changed:
one that no longer fits is sent to nobody.
"""

import logging
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Any

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

from dataloaders import Loaders
from execution import Answer, Engine, Limits, Prepared, reach_of
from models.identity import Actor, AppScope, acting_for
from models.integrations import App, WebhookEndpoint
from resolvers import scopes
from resolvers.context import Context, House
from resolvers.rules import Denied
from services.core.problems import Refused
from services.integrations.webhook_endpoints import SelectionInvalid, scopes_of
from services.integrations.webhook_topics import Happening

log = logging.getLogger("darkstore.webhooks")

SELECTION_LENGTH = 8_192
SELECTION_COST = 500
REASONS_COUNT = 5
ROOT, VARIABLE = "webhookEvent", "event"
HEAD = f"query WebhookPayload(${VARIABLE}: ID!) {{ {ROOT}(id: ${VARIABLE}) {{ __typename }} }}"


class PayloadFault(Exception):
    """The payload can't be made; the message may be shown to the endpoint's owner."""


class SelectionOutdated(PayloadFault):
    """The graph has changed so that the selection can never be made again."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A selection that can be sent: its cost, and the version of the graph it was checked with."""

    cost: int
    schema_version: str


class Payloads:
    """Checks and makes payloads; it keeps the selections that were used last ready to run."""

    def __init__(self, schema: strawberry.Schema) -> None:
        limits = Limits(cost=SELECTION_COST, document_characters=2 * SELECTION_LENGTH)
        self._schema = schema._schema
        self._engine = Engine(schema, limits=limits, introspection=False, on_error=_said)
        self.version = sha256(schema.as_str().encode()).hexdigest()[:12]

    def check(self, selection: str, allowed: frozenset[AppScope]) -> Checked:
        """Its price; refused with SelectionInvalid, each reason as the graph says it."""
        try:
            prepared = self._prepared(selection)
            self._within(prepared, allowed)
        except PayloadFault as fault:
            reasons = str(fault).split("\n")[:REASONS_COUNT]
            path = ["input", "selection"]
            said = "The selection can't be sent."
            raise Refused(SelectionInvalid(path=path, message=said, reasons=reasons)) from None
        return Checked(prepared.cost, self.version)

    async def render(
        self, house: House, endpoint: WebhookEndpoint, app: App | None, event: Happening
    ) -> bytes:
        """The body that tells the endpoint of an event; raises PayloadFault."""
        actor = speaker(endpoint, app)
        prepared = self._prepared(endpoint.selection)
        self._within(prepared, actor.scopes)
        context = Context(house, actor, Loaders(house.database, actor.scope()))
        answer = await self._engine.execute(prepared, {VARIABLE: event.event_id}, context)
        if answer.errors:
            raise PayloadFault(_joined(answer))
        told = {
            "id": event.event_id,
            "type": event.type,
            "timestamp": event.at,
            "schemaVersion": endpoint.schema_version,
            "data": answer.data[ROOT],
        }
        return orjson.dumps(told, option=orjson.OPT_UTC_Z)

    def _prepared(self, selection: str) -> Prepared:
        if len(selection) > SELECTION_LENGTH:
            raise SelectionOutdated(f"A selection has at most {SELECTION_LENGTH} characters.")
        prepared = self._engine.prepare(document_of(selection))
        if isinstance(prepared, Answer):
            raise SelectionOutdated(_joined(prepared))
        return prepared

    def _within(self, prepared: Prepared, allowed: frozenset[AppScope]) -> None:
        asks = Actor(scopes=allowed | {AppScope.WEBHOOKS_READ})
        denied = scopes.refusal(asks, self._schema, reach_of(self._schema, prepared))
        if denied is not None:
            raise PayloadFault(str(denied))


@lru_cache(maxsize=2)
def payloads_of(schema: strawberry.Schema) -> Payloads:
    """The payloads of one graph; made once."""
    return Payloads(schema)


def speaker(endpoint: WebhookEndpoint, app: App | None) -> Actor:
    """With whose rights a payload is made: the app's, or those of an app that may read all."""
    who = endpoint.id if app is None else app.id
    person = endpoint.id if app is None else app.person_id
    given = frozenset(AppScope) if app is None else scopes_of(Actor(), app)
    given |= {AppScope.WEBHOOKS_READ}
    return Actor(person, None, acting_for(endpoint.company_id), who, given)


def document_of(selection: str) -> str:
    """The query around a selection; raises SelectionOutdated when it is not one."""
    try:
        definitions = parse(selection, max_tokens=Limits().tokens).definitions
    except (GraphQLError, RecursionError) as error:
        raise SelectionOutdated(
            str(getattr(error, "message", "It is nested too deeply."))
        ) from None
    inner = [one for one in definitions if isinstance(one, OperationDefinitionNode)]
    others = [one for one in definitions if isinstance(one, FragmentDefinitionNode)]
    if len(inner) != 1 or len(inner) + len(others) != len(definitions) or _dressed(inner[0]):
        raise SelectionOutdated("Write one selection in braces, and fragments after it.")
    return print_ast(DocumentNode(definitions=(_around(inner[0].selection_set), *others)))


def _dressed(node: OperationDefinitionNode) -> bool:
    plain = node.operation.value == "query"
    return not plain or bool(node.name or node.variable_definitions or node.directives)


def _around(selections: SelectionSetNode) -> DefinitionNode:
    [head] = parse(HEAD).definitions
    if not isinstance(head, OperationDefinitionNode):
        raise TypeError(HEAD)
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


def _joined(answer: Answer) -> str:
    return "\n".join(str(error["message"]) for error in (answer.errors or [])[:REASONS_COUNT])


def _said(error: GraphQLError) -> dict[str, Any]:
    cause = error.original_error
    if cause is None or isinstance(cause, Denied | Refused):
        return {"message": error.message}
    log.warning("a payload failed at %s", error.path, exc_info=cause)
    return {"message": f"The payload failed at {error.path}."}
