"""The live operations of one socket, by the client's ids."""

import asyncio
import logging
from contextlib import aclosing
from typing import Any

from execution import Answer, Engine, Prepared
from server.transport.limits import WireLimits
from server.transport.operation import Operation
from server.transport.persisted_lookup import Library, prepared_of
from server.transport.rejected import Rejected, errors_of
from server.transport.running import answer_within
from server.transport.websocket import frames
from server.transport.websocket.frames import Goodbye
from server.transport.websocket.outbox import Outbox

log = logging.getLogger(__name__)


class Operations:
    """Starts, feeds and stops operations; each ends with `complete` or `error`, or is stopped."""

    def __init__(
        self, engine: Engine, outbox: Outbox, limits: WireLimits, library: Library
    ) -> None:
        self._engine = engine
        self._library = library
        self._outbox = outbox
        self._limits = limits
        self._live: dict[str, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._writing: set[asyncio.Task[None]] = set()

    def start(self, operation_id: str, operation: Operation, context: Any) -> None:
        """Start an operation under a free id; raises Goodbye (4409) when the id is taken."""
        if operation_id in self._live:
            raise Goodbye(frames.SUBSCRIBER_EXISTS, "a subscriber with this id already exists")
        # Stopped ones count until they have tidied up: a client can't stop and start past the cap.
        if len(self._tasks) >= self._limits.socket_operations_count:
            count = self._limits.socket_operations_count
            message = f"A socket runs at most {count} operations at once."
            errors = errors_of("TOO_MANY_OPERATIONS", message)
            self._outbox.push(frames.error_of(operation_id, errors))
            return
        task = asyncio.create_task(self._run(operation_id, operation, context))
        self._live[operation_id] = task
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def stop(self, operation_id: str) -> None:
        """Stop an operation; its id is free at once, an unknown id is no fault."""
        task = self._live.pop(operation_id, None)
        # A client that leaves in the middle of a write must not tear it: it ends by itself, or by
        # its time limit, and its answer is dropped.
        if task is not None and task not in self._writing:
            task.cancel()

    def stop_all(self) -> None:
        """Stop everything, also what only waits to say that it is complete."""
        self._live.clear()
        for task in self._tasks - self._writing:
            task.cancel()

    async def finished(self) -> None:
        """Wait until every generator is closed and every mutation has ended."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def _run(self, operation_id: str, operation: Operation, context: Any) -> None:
        try:
            prepared = await prepared_of(self._engine, self._library, operation, context)
            if isinstance(prepared, Answer):
                await self._refuse(operation_id, prepared.errors or [])
            elif prepared.operation_type == "subscription":
                await self._stream(operation_id, prepared, operation, context)
            else:
                await self._once(operation_id, prepared, operation, context)
        except Rejected as rejected:
            await self._refuse(operation_id, errors_of(rejected.code, rejected.message))
        except Exception:
            log.exception("an operation failed outside its execution")
            message = "The operation broke: try again."
            await self._refuse(operation_id, errors_of("INTERNAL_SERVER_ERROR", message))

    async def _once(
        self, operation_id: str, prepared: Prepared, operation: Operation, context: Any
    ) -> None:
        task = self._live[operation_id]
        if prepared.operation_type == "mutation":
            self._writing.add(task)
        try:
            answer = await answer_within(
                self._limits.request_seconds, self._engine, prepared, operation, context
            )
        finally:
            self._writing.discard(task)
        if not answer.executed:
            await self._refuse(operation_id, answer.errors or [])
        elif self._still_wanted(operation_id):
            await self._outbox.put(frames.next_of(frames.head_of(operation_id), answer))
            await self._complete(operation_id)

    async def _stream(
        self, operation_id: str, prepared: Prepared, operation: Operation, context: Any
    ) -> None:
        head, outbox = frames.head_of(operation_id), self._outbox

        def take(answer: Answer) -> bool:
            return outbox.offer(frames.next_of(head, answer))

        answers = self._engine.subscribe(prepared, operation.variables, context, take)
        async with aclosing(answers):
            async for answer in answers:
                if not answer.executed:
                    await self._refuse(operation_id, answer.errors or [])
                    return
                await outbox.put(frames.next_of(head, answer))
                del answer
        await self._complete(operation_id)

    def _still_wanted(self, operation_id: str) -> bool:
        # The id of a stopped write may already name another operation.
        return self._live.get(operation_id) is asyncio.current_task()

    async def _complete(self, operation_id: str) -> None:
        # The id is free before the client can read that it is.
        self._live.pop(operation_id, None)
        await self._outbox.put(frames.complete_of(operation_id))

    async def _refuse(self, operation_id: str, errors: list[dict[str, Any]]) -> None:
        if self._still_wanted(operation_id):
            self._live.pop(operation_id)
            await self._outbox.put(frames.error_of(operation_id, errors))
