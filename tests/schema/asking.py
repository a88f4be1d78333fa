"""Asks the graph as somebody, with one of the client operations of docs/operations."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from sqlalchemy import event
from strawberry.types import ExecutionResult

from dataloaders import Loaders
from models import Actor
from models.database import Database
from resolvers.context import Context, House
from schema.root import graph

OPERATIONS = Path(__file__).resolve().parent.parent.parent / "docs" / "operations"


def context(database: Database, actor: Actor, **more: Any) -> Context:
    """What one operation of this person knows; only the database of the house is open."""
    closed = {"combiner": None, "payments": None, "sms": None, "identity": None, "streams": None}
    house = cast("Any", House)(database=database, **closed)
    return Context(house, actor, Loaders(database, actor.scope()), **more)


async def ask(
    database: Database, actor: Actor, operation: str, key: str | None = None, **variables: Any
) -> ExecutionResult:
    """The whole answer to `docs/operations/<operation>.graphql`; `key` makes it idempotent."""
    document = (OPERATIONS / f"{operation}.graphql").read_text()
    known = context(database, actor, idempotency_key=key)
    return await graph.execute(document, variable_values=variables, context_value=known)


async def told(database: Database, actor: Actor, operation: str, **variables: Any) -> Any:
    """The data of the operation's one root field; nothing may have gone wrong."""
    answer = await ask(database, actor, operation, **variables)
    assert answer.errors is None, answer.errors
    assert answer.data is not None
    (field,) = answer.data.values()
    return field


@contextmanager
def statements(database: Database) -> Iterator[list[str]]:
    """The SQL statements that reach either pool meanwhile."""
    seen: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        seen.append(statement)

    engines = [database.engine.sync_engine, database.catalog.sync_engine]
    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        for engine in engines:
            event.remove(engine, "before_cursor_execute", note)
