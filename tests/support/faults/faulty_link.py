"""A TCP proxy in front of a dependency, which fails at each step of the protocol that it carries.

A step is a kind of message of the client, such as a command or a request, or the start of a
connection. While the link is armed, a step meets the first fault that it has not met yet.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum

CONNECT = "connect"
CHUNK_BYTES = 65_536
NOTICE_SECONDS = 0.01
"""In which a client notices that an idle connection has ended."""


class Fault(StrEnum):
    """What happens to the message of a step; the connection it came over ends in each case."""

    REFUSED = "all connections end before the message arrives, and none is accepted until mended"
    DROPPED = "the connection ends before the message arrives"
    HUNG = "the message does not arrive, and nobody answers"
    LOST = "the message arrives, and the connection ends before the answer"
    SILENT = "the message arrives, and the answer never comes"
    HALVED = "the message arrives, and the connection ends within the answer"


BEFORE_ARRIVAL = (Fault.REFUSED, Fault.DROPPED, Fault.HUNG)


@dataclass(eq=False)
class _Pipe:
    """A connection of a client and the one to the dependency."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    answer: Fault | None = None


@dataclass
class FaultyLink:
    """Forwards to a port of this machine.

    `step_of` names the step that a chunk of the client begins, None for a part of one. `met` has
    the faults that each step has met, `log` all of them in order, `seen` how often a step came.
    """

    target_port: int
    step_of: Callable[[bytes], str | None]
    port: int = 0
    met: dict[str, list[Fault]] = field(default_factory=lambda: defaultdict(list))
    seen: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    log: list[tuple[str, Fault]] = field(default_factory=list)
    _remaining: int = 0
    _clients: set[asyncio.StreamWriter] = field(default_factory=set)
    _silent: set[asyncio.StreamWriter] = field(default_factory=set)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _listener: asyncio.Server | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def arm(self, faults: int = 1, *, reconnect: bool = True) -> None:
        """Let the next steps that have not met every fault fail, at most so many.

        With `reconnect` idle connections end before, so that a new connection is a step again.
        """
        if reconnect:
            self._end_connections()
            await asyncio.sleep(NOTICE_SECONDS)
        self._remaining = faults

    async def mend(self) -> None:
        """Let nothing fail any more, and accept connections again.

        What is silent ends: a client that waits for messages, and for no answer, gives up by
        nothing else.
        """
        self._remaining = 0
        for client in self._silent:
            client.transport.abort()
        self._silent.clear()
        if self._listener is None:
            await self.listen()

    def missing(self) -> dict[str, set[Fault]]:
        """The faults that a step has not met, of the steps that were seen."""
        found = {step: set(faults_of(step)) - set(self.met[step]) for step in self.seen}
        return {step: faults for step, faults in found.items() if faults}

    async def listen(self) -> None:
        """Accept connections, at the same port as before."""
        self._listener = await asyncio.start_server(self._carry, "127.0.0.1", self.port)
        self.port = self._listener.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """End all connections."""
        self._refuse()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _take(self, step: str) -> Fault | None:
        self.seen[step] += 1
        waiting = [fault for fault in faults_of(step) if fault not in self.met[step]]
        if not (self._remaining and waiting):
            return None
        self._remaining -= 1
        self.met[step].append(waiting[0])
        self.log.append((step, waiting[0]))
        if waiting[0] is Fault.REFUSED:
            self._refuse()
        return waiting[0]

    def _refuse(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        self._end_connections()

    def _end_connections(self) -> None:
        for client in self._clients:
            client.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._clients.add(writer)
        try:
            with suppress(OSError):
                await self._connect(reader, writer)
        finally:
            writer.transport.abort()
            self._clients.discard(writer)
            self._silent.discard(writer)
            self._tasks.discard(task)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        fault = self._take(CONNECT)
        if fault is Fault.HUNG:
            await _ignore(reader)
        if fault is not None:
            return
        upstream, server = await asyncio.open_connection("127.0.0.1", self.target_port)
        pipe = _Pipe(writer, server)
        try:
            async with asyncio.TaskGroup() as group:
                answers = group.create_task(self._answer(upstream, pipe))
                await self._forward(reader, pipe)
                answers.cancel()
        except* OSError:
            pass
        finally:
            server.transport.abort()

    async def _forward(self, reader: asyncio.StreamReader, pipe: _Pipe) -> None:
        while chunk := await reader.read(CHUNK_BYTES):
            step = self.step_of(chunk)
            fault = self._take(step) if step is not None else None
            if fault in (Fault.HUNG, Fault.SILENT):
                self._silent.add(pipe.client)
            if fault in BEFORE_ARRIVAL:
                if fault is Fault.HUNG:
                    await _ignore(reader)
                return
            pipe.answer = fault or pipe.answer
            pipe.server.write(chunk)
            await pipe.server.drain()

    async def _answer(self, upstream: asyncio.StreamReader, pipe: _Pipe) -> None:
        while chunk := await upstream.read(CHUNK_BYTES):
            if pipe.answer is Fault.SILENT:
                continue
            if pipe.answer is not None:
                kept = chunk[: len(chunk) // 2] if pipe.answer is Fault.HALVED else b""
                pipe.client.write(kept)
                break
            pipe.client.write(chunk)
            await pipe.client.drain()
        with suppress(OSError):
            await pipe.client.drain()
        if pipe.answer is not Fault.SILENT:
            pipe.client.close()


def faults_of(step: str) -> tuple[Fault, ...]:
    """The faults that a step may meet: a new connection is no message that could arrive."""
    return BEFORE_ARRIVAL if step == CONNECT else tuple(Fault)


async def _ignore(reader: asyncio.StreamReader) -> None:
    """Read until the client gives up."""
    while await reader.read(CHUNK_BYTES):
        pass


@asynccontextmanager
async def open_link(
    target_port: int, step_of: Callable[[bytes], str | None]
) -> AsyncIterator[FaultyLink]:
    """A link to a port of this machine, for the block."""
    link = FaultyLink(target_port, step_of)
    await link.listen()
    try:
        yield link
    finally:
        await link.close()
