"""The session of a unit of work: the ORM for rows that change, the bare driver for the rest.

Most statements of a unit of work answer columns or are written out as text: they need nothing of
the ORM but the transaction, so they run on its driver connection directly.
"""

import re
from functools import lru_cache
from typing import Any

from sqlalchemy import Select, TextClause
from sqlalchemy.engine.result import Result, ScalarResult
from sqlalchemy.ext.asyncio import AsyncSession

from models.light import Heard, Shapes, answers_columns

WRITES = re.compile(
    r"\binsert\s+into\b|\bdelete\s+from\b|\bupdate\s+\S+(\s+as)?(\s+\S+)?\s+set\b", re.IGNORECASE
)
TEXTS_KEPT = 1_000


class Working(AsyncSession):
    """A session of one unit of work; `bare` is the driver's connection beneath it."""

    bare: Any = None
    shapes: Shapes
    heard: Heard | None = None

    async def execute(self, statement: Any, params: Any = None, **options: Any) -> Result[Any]:
        """The rows; what has changed so far is written first, as the ORM does it."""
        if options or not self._is_bare(statement, params):
            found: Result[Any] = await super().execute(statement, params, **options)
            return found
        if self.new or self.dirty or self.deleted:
            await self.flush()
        shape, text, values = self.shapes.asked(statement, params or {})
        if self.heard is not None:
            self.heard(text)
        return shape.result(await self.bare.fetch(text, *values))

    async def scalar(self, statement: Any, params: Any = None, **options: Any) -> Any:
        """The first answer of the first row; None without rows."""
        return (await self.execute(statement, params, **options)).scalar()

    async def scalars(
        self, statement: Any, params: Any = None, **options: Any
    ) -> ScalarResult[Any]:
        """The first answer of each row."""
        return (await self.execute(statement, params, **options)).scalars()

    def _is_bare(self, statement: Any, params: Any) -> bool:
        """Whether the driver may answer this: the transaction is open and no row is to be kept."""
        if self.bare is None or not self.bare.is_in_transaction() or isinstance(params, list):
            return False
        if isinstance(statement, TextClause):
            return _answers(statement.text)
        return isinstance(statement, Select) and answers_columns(statement)


@lru_cache(TEXTS_KEPT)
def _answers(text: str) -> bool:
    """Whether a text answers rows; of one that only writes, the count of rows may be wanted."""
    return "returning" in text.lower() or not WRITES.search(text)
