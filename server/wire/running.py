"""Running one prepared operation to its answer, or to the end of its time."""

import asyncio
from typing import Any

from execution import Answer, Engine, Prepared
from server.wire.operation import Operation
from server.wire.rejected import Rejected

TIMED_OUT = "TIMEOUT"


async def answer_within(
    seconds: float, engine: Engine, prepared: Prepared, operation: Operation, context: Any
) -> Answer:
    """Answer a query or mutation; one that outlives its time is canceled and raises Rejected."""
    try:
        async with asyncio.timeout(seconds) as deadline:
            return await engine.execute(prepared, operation.variables, context)
    except TimeoutError:
        if not deadline.expired():
            raise
        raise Rejected(
            504, TIMED_OUT, f"The operation did not finish within {seconds:g} s."
        ) from None
