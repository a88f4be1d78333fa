"""The executor with the house's manners: our error codes, and extensions a resolver asked for."""

from collections.abc import Mapping
from typing import Any

from execution import Answer, Engine, Limits, Prepared
from schema.root import graph
from server.errors import present
from server.settings import Settings


class HouseEngine(Engine):
    """Adds what the operation's context wants said in the answer's extensions."""

    async def execute(
        self,
        prepared: Prepared,
        variables: Mapping[str, Any] | None,
        context: Any,
        root: Any = None,
    ) -> Answer:
        answer = await super().execute(prepared, variables, context, root)
        if context.extensions:
            answer.extensions = {**(answer.extensions or {}), **context.extensions}
        return answer


def open_engine(settings: Settings) -> HouseEngine:
    """The engine of our graph; outsiders can't introspect it in production."""
    return HouseEngine(
        graph,
        limits=Limits(),
        reference=settings.reference_executor,
        introspection=settings.development,
        on_error=present,
    )
