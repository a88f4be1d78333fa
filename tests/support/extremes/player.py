"""Sends extremes for every input of an operation, in the state in which the operation works.

What a refused or an accepted extreme has written is rolled back, so that the story goes on as if
it had not been sent.
"""

import logging
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from attack.extremes.inputs import CompletedDocument, InputPlace, forged_cursor, with_value
from attack.extremes.values import KEYS
from database import sessions
from database.audit import AuditContext
from database.scope import Scope
from database.sessions import Database
from database.write_session import WriteSession
from execution import Answer
from services.core import pages
from tests.support.actors import engine
from tests.support.operations.player import Operation, OperationPlayer

OURS = {"INTERNAL", "INTERNAL_SERVER_ERROR", "UNAVAILABLE"}
SAMPLE_KEYS = {"Uuid": f"{7:032x}", "Text": "x", "Date": "2026-11-30", "Float": 1.0}


@dataclass
class ExtremesPlayer(OperationPlayer):
    """Plays a story; before the first call of each operation it tries each of its inputs."""

    tried: set[str] = field(default_factory=set)
    """The names of the places where extremes were sent."""
    seen: set[tuple[str, str]] = field(default_factory=set)
    faults: dict[tuple[str, str], str] = field(default_factory=dict)
    """What was answered as if it were our fault, by place and value."""

    async def __call__(self, who: str, name: str, /, **given: Any) -> Any:
        await self._try_all(who, name, given)
        return await super().__call__(who, name, **given)

    async def watch(self, who: str, name: str, /, **given: Any) -> Any:
        await self._try_all(who, name, given)
        return await super().watch(who, name, **given)

    async def _try_all(self, who: str, name: str, given: dict[str, Any]) -> None:
        operation = Operation(name)
        document, variables = CompletedDocument(operation.document), operation.variables(**given)
        with undone():
            for place in document.places:
                if (name, place.name) in self.seen:
                    continue
                self.seen.add((name, place.name))
                self.tried.add(place.name)
                values = place.values()
                if place.is_cursor:
                    values = [*values, *await self._forged(who, document, variables, place)]
                for value in values:
                    await self._try(
                        who, document, with_value(variables, place, value), place, value
                    )

    async def _try(
        self, who: str, document: CompletedDocument, variables: Any, place: InputPlace, value: Any
    ) -> None:
        with logged_causes() as causes:
            answer = await self._first_answer(who, document.text, variables)
        codes = {error["extensions"]["code"] for error in answer.errors or []}
        if codes & OURS:
            self.faults[place.name, repr(value)[:60]] = f"{codes} {causes[:1]}"

    async def _first_answer(self, who: str, document: str, variables: Any) -> Answer:
        prepared = engine().prepare(document)
        if isinstance(prepared, Answer):
            return prepared
        context = self.clients[who].context()
        if not document.startswith("subscription"):
            return await engine().execute(prepared, variables, context)
        async with aclosing(engine().subscribe(prepared, variables, context)) as answers:
            return await anext(answers, Answer(None))

    async def _forged(
        self, who: str, document: CompletedDocument, variables: Any, place: InputPlace
    ) -> list[str]:
        """Cursors with each key wider than its column, and of other lists."""
        one = with_value(variables, place, forged_cursor([f"{7:032x}"]))
        columns: list[Any] = []
        with noted_columns(columns):
            for values in ([None], [None] * 2, [None] * 3):
                one = with_value(variables, place, forged_cursor(values))
                await self._first_answer(who, document.text, one)
        keys = [_sample_key(column) for column in columns] or ["x", 1, 1]
        return [
            *(
                forged_cursor([*keys[:nth], key, *keys[nth + 1 :]])
                for nth in range(len(keys))
                for key in KEYS
            ),
            *(forged_cursor(keys[:1] * length) for length in range(5)),
            "W10", "bnVsbA", "e30", "\U0010ffff", "====", urlsafe_b64encode(b"\xff\xfe").decode(),
        ]  # fmt: skip


def _sample_key(column: Any) -> Any:
    kind = getattr(column, "type", column)
    return next(
        (SAMPLE_KEYS[one.__name__] for one in type(kind).__mro__ if one.__name__ in SAMPLE_KEYS), 1
    )


@contextmanager
def noted_columns(columns: list[Any]) -> Iterator[None]:
    """Note the columns that a list's cursor has."""
    parse: Callable[[Any, Any], Any] = pages.parse_key

    def note(key: Any, value: Any) -> Any:
        columns.append(key)
        return None

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pages, "parse_key", note)
        yield
    assert pages.parse_key is parse


@contextmanager
def logged_causes() -> Iterator[list[str]]:
    """The exceptions that are logged as ours within the block."""
    causes: list[str] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            cause = record.exc_info[1] if record.exc_info else record.getMessage()
            causes.append(f"{type(cause).__name__}: {cause}"[:300])

    logger, handler = logging.getLogger("darkstore.errors"), Handler()
    logger.addHandler(handler)
    try:
        yield causes
    finally:
        logger.removeHandler(handler)


@contextmanager
def undone() -> Iterator[None]:
    """Roll back what units of work write within the block, after what a commit checks."""

    @asynccontextmanager
    async def write(
        self: Database, scope: Scope, audit: AuditContext
    ) -> AsyncIterator[AsyncSession]:
        session = WriteSession(self.engine, audit, self._statement_cache, self.observer)
        async with session, session.begin() as transaction:
            await sessions._begin(session, scope)
            yield session
            await session.flush()
            await sessions._flush_outbox(session, scope)
            await session.execute(text("set constraints all immediate"))
            session.expunge_all()  # so that what they hold can be read on
            await transaction.rollback()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Database, "write", write)
        yield
