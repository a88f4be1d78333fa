"""Executes operations in process as any actor, and records the SQL statements sent."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast
from uuid import UUID

from sqlalchemy import event

from database.base import Entity
from database.rows import model_of
from database.sessions import Database
from dataloaders.loaders import Loaders
from execution import Answer, Engine
from models.identity import ANONYMOUS, Actor
from models.ids import encode_id
from resolvers.context import Container, Context
from schema.root import graph
from server.errors import format_error
from services.checkout.unpaid_limits import UnpaidLimits
from tests.support.customers import NO_LIMITS
from tests.support.paths import OPERATIONS

ENGINE = Engine(graph, on_error=format_error)


def operation(name: str) -> str:
    """Return the document of `docs/operations/<name>.graphql`."""
    return (OPERATIONS / f"{name}.graphql").read_text()


@dataclass
class GraphAnswer:
    """The parts of a response, empty instead of missing."""

    data: dict[str, Any] = field(default_factory=dict)
    errors: list[dict[str, Any]] = field(default_factory=list)
    extensions: dict[str, Any] = field(default_factory=dict)

    @property
    def codes(self) -> list[str]:
        return [str(error["extensions"]["code"]) for error in self.errors]


@dataclass
class GraphRunner:
    """Executes operations with few dependencies besides the database."""

    database: Database
    reservation_queue: Any = None
    payments: Any = None
    unpaid_limits: UnpaidLimits = NO_LIMITS

    async def __call__(
        self,
        document: str,
        variables: Mapping[str, Any] | None = None,
        actor: Actor = ANONYMOUS,
        **context: Any,
    ) -> GraphAnswer:
        """Return the response to a document for this actor."""
        unused = cast(Any, None)
        container = Container(
            database=self.database,
            reservation_queue=self.reservation_queue,
            positions=unused,
            payments=self.payments,
            sms=unused,
            authenticator=unused,
            streams=unused,
            files=unused,
            unpaid_limits=self.unpaid_limits,
        )
        loaders = Loaders(self.database, actor.scope())
        query_context = Context(container=container, actor=actor, loaders=loaders, **context)
        prepared = ENGINE.prepare(document)
        if isinstance(prepared, Answer):
            return GraphAnswer(errors=prepared.errors or [])
        answer = await ENGINE.execute(prepared, variables, query_context)
        return GraphAnswer(answer.data or {}, answer.errors or [], query_context.extensions)


@contextmanager
def record_statements(database: Database) -> Iterator[list[str]]:
    """Yield the list of statements that are sent within the block."""
    sent: list[str] = []
    with watch_statements(database, sent.append):
        yield sent


@contextmanager
def watch_statements(database: Database, watch: Callable[[str], None]) -> Iterator[None]:
    """Call `watch` before each statement that is sent within the block."""

    def record(_c: object, _k: object, statement: str, *_rest: object) -> None:
        watch(statement)

    engine = database.engine.sync_engine
    pools = (database.scoped_pool, database.platform_pool, database.catalog_pool)
    event.listen(engine, "before_cursor_execute", record)
    for pool in (*pools, database):
        pool.observer = watch
    try:
        yield
    finally:
        event.remove(engine, "before_cursor_execute", record)
        for pool in (*pools, database):
            pool.observer = None


def public_id(row: Entity, key: UUID | None = None) -> str:
    """Return the public id of a row, or of another key of its model."""
    return encode_id(model_of(row), key or row.id)
