"""The running operations of one socket, by the client's ids."""

import asyncio
import logging
from contextlib import aclosing
from typing import Any

from execution import Answer, Engine, PreparedOperation
from server.transport.document_lookup import DocumentLookup, prepare_operation
from server.transport.limits import TransportLimits
from server.transport.operation import Operation
from server.transport.rejection import RequestRejected, single_error
from server.transport.send_queue import SendQueue
from server.transport.timed_execution import execute_with_timeout
from server.transport.websocket import frames
from server.transport.websocket.frames import CloseSocket

log = logging.getLogger(__name__)


class SocketOperations:
    """Starts and stops operations; each ends with `complete` or `error`, or is stopped."""

    def __init__(
        self, engine: Engine, queue: SendQueue, limits: TransportLimits, documents: DocumentLookup
    ) -> None:
        self._engine = engine
        self._documents = documents
        self._queue = queue
        self._limits = limits
        self._by_id: dict[str, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._mutations: set[asyncio.Task[None]] = set()
        # Stopped operations keep their place until they are cleaned up, and others wait for it:
        # stopping and starting is no way around the limit.
        self._places = asyncio.Semaphore(limits.socket_operations_count)

    def start(self, operation_id: str, operation: Operation, context: Any) -> None:
        """Start an operation under a free id; raises CloseSocket (4409) when it is taken."""
        if operation_id in self._by_id:
            raise CloseSocket(frames.SUBSCRIBER_EXISTS, "a subscriber with this id already exists")
        if len(self._by_id) >= self._limits.socket_operations_count:
            count = self._limits.socket_operations_count
            message = f"A socket runs at most {count} operations at once."
            unpaid = self._engine.admit_request(context)
            errors = (unpaid and unpaid.errors) or single_error("TOO_MANY_OPERATIONS", message)
            self._queue.put_nowait(frames.error_frame(operation_id, errors))
            return
        task = asyncio.create_task(self._run(operation_id, operation, context))
        self._by_id[operation_id] = task
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def reject(self, operation_id: str, errors: list[dict[str, Any]]) -> None:
        """Answer an operation that may not start; raises CloseSocket (4409) for a taken id."""
        if operation_id in self._by_id:
            raise CloseSocket(frames.SUBSCRIBER_EXISTS, "a subscriber with this id already exists")
        self._queue.put_nowait(frames.error_frame(operation_id, errors))

    def stop(self, operation_id: str) -> None:
        """Stop an operation; its id is free at once. An unknown id is no error."""
        task = self._by_id.pop(operation_id, None)
        # A mutation that has begun is not canceled: it ends by itself or by its time limit, and
        # its answer is dropped.
        if task is not None and task not in self._mutations:
            task.cancel()

    def stop_all(self) -> None:
        """Stop everything, also operations that only wait to send `complete`."""
        self._by_id.clear()
        for task in self._tasks - self._mutations:
            task.cancel()

    async def finished(self) -> None:
        """Wait until every generator is closed and every mutation has ended."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def _run(self, operation_id: str, operation: Operation, context: Any) -> None:
        async with self._places:
            await self._run_now(operation_id, operation, context)

    async def _run_now(self, operation_id: str, operation: Operation, context: Any) -> None:
        try:
            prepared = prepare_operation(self._engine, self._documents, operation, context)
            if not isinstance(prepared, PreparedOperation | Answer):
                prepared = await prepared
            if isinstance(prepared, Answer):
                await self._send_errors(operation_id, prepared.errors or [])
            elif prepared.operation_type == "subscription":
                await self._stream(operation_id, prepared, operation, context)
            else:
                await self._execute(operation_id, prepared, operation, context)
        except RequestRejected as rejected:
            await self._send_errors(operation_id, rejected.errors())
        except Exception:
            log.exception("an operation failed outside its execution")
            message = "The operation broke: try again."
            await self._send_errors(operation_id, single_error("INTERNAL_SERVER_ERROR", message))

    async def _execute(
        self, operation_id: str, prepared: PreparedOperation, operation: Operation, context: Any
    ) -> None:
        task = self._by_id[operation_id]
        if prepared.operation_type == "mutation":
            self._mutations.add(task)
        try:
            answer = await execute_with_timeout(
                self._limits.request_seconds, self._engine, prepared, operation, context
            )
        finally:
            self._mutations.discard(task)
        if not answer.executed:
            await self._send_errors(operation_id, answer.errors or [])
        elif self._is_current(operation_id):
            await self._queue.put(frames.next_frame(frames.next_prefix(operation_id), answer))
            await self._complete(operation_id)

    async def _stream(
        self, operation_id: str, prepared: PreparedOperation, operation: Operation, context: Any
    ) -> None:
        prefix, queue = frames.next_prefix(operation_id), self._queue

        def take(answer: Answer) -> bool:
            return queue.try_put(frames.next_frame(prefix, answer))

        answers = self._engine.subscribe(prepared, operation.variables, context, take)
        async with aclosing(answers):
            async for answer in answers:
                if not answer.executed:
                    await self._send_errors(operation_id, answer.errors or [])
                    return
                await queue.put(frames.next_frame(prefix, answer))
                del answer
        await self._complete(operation_id)

    def _is_current(self, operation_id: str) -> bool:
        # The id of a stopped mutation may already belong to another operation.
        return self._by_id.get(operation_id) is asyncio.current_task()

    async def _complete(self, operation_id: str) -> None:
        # The id is free before the client can read that it is.
        self._by_id.pop(operation_id, None)
        await self._queue.put(frames.complete_frame(operation_id))

    async def _send_errors(self, operation_id: str, errors: list[dict[str, Any]]) -> None:
        if self._is_current(operation_id):
            self._by_id.pop(operation_id)
            await self._queue.put(frames.error_frame(operation_id, errors))
