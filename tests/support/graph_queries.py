"""Asks the graph in process, as anybody, and counts the statements that an answer took."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast
from uuid import UUID

from sqlalchemy import event

from database.base import Keyed
from database.rows import model_of
from database.sessions import Database
from dataloaders import Loaders
from execution import Answer, Engine
from models.identity import ANONYMOUS, Actor
from models.ids import encode
from resolvers.context import Context, House
from schema.root import graph
from server.errors import present
from tests.support.paths import OPERATIONS

ENGINE = Engine(graph, on_error=present)


def operation(name: str) -> str:
    """The document of `docs/operations/<name>.graphql`."""
    return (OPERATIONS / f"{name}.graphql").read_text()


@dataclass
class Told:
    """An answer's parts, empty rather than missing."""

    data: dict[str, Any] = field(default_factory=dict)
    errors: list[dict[str, Any]] = field(default_factory=list)
    extensions: dict[str, Any] = field(default_factory=dict)

    @property
    def codes(self) -> list[str]:
        return [str(error["extensions"]["code"]) for error in self.errors]


@dataclass
class Asking:
    """A way into the graph for those who need few other handles than the database."""

    database: Database
    combiner: Any = None
    payments: Any = None

    async def __call__(
        self,
        document: str,
        variables: Mapping[str, Any] | None = None,
        actor: Actor = ANONYMOUS,
        **context: Any,
    ) -> Told:
        """The answer to a document, as the actor would get it."""
        nothing = cast(Any, None)
        house = House(
            database=self.database,
            combiner=self.combiner,
            positions=nothing,
            payments=self.payments,
            sms=nothing,
            identity=nothing,
            streams=nothing,
        )
        loaders = Loaders(self.database, actor.scope())
        made = Context(house=house, actor=actor, loaders=loaders, **context)
        prepared = ENGINE.prepare(document)
        if isinstance(prepared, Answer):
            return Told(errors=prepared.errors or [])
        answer = await ENGINE.execute(prepared, variables, made)
        return Told(answer.data or {}, answer.errors or [], made.extensions)


@contextmanager
def statements(database: Database) -> Iterator[list[str]]:
    """The statements sent to the database meanwhile."""
    sent: list[str] = []

    def note(_c: object, _k: object, statement: str, *_rest: object) -> None:
        sent.append(statement)

    engine = database.engine.sync_engine
    pools = (database.scoped, database.platform, database.catalog)
    event.listen(engine, "before_cursor_execute", note)
    for pool in (*pools, database):
        pool.heard = sent.append
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", note)
        for pool in (*pools, database):
            pool.heard = None


def id_of(row: Keyed, key: UUID | None = None) -> str:
    """The public id of a row, or of another key of its noun."""
    return encode(model_of(row), key or row.id)
