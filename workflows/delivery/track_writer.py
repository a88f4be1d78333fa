"""Buffers the track points of deliveries in memory and writes them every few seconds.

Tracks serve later inspection, so a crash may lose the points that are not yet written: at most
FLUSH_SECONDS of them.
"""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from database.audit import AuditContext
from database.scope import PLATFORM
from database.sessions import Database
from services.delivery.positions.tracks import append_points, is_significant
from services.routing.track_codec import TrackPoint

log = logging.getLogger("darkstore.track")

FLUSH_SECONDS = 10.0
MAX_TRACKS_PER_STATEMENT = 500
MAX_BUFFERED_POINTS = 200_000
MAX_FLUSH_FAILURES = 6
IDLE_BUFFER_SECONDS = 600.0
ORIGIN = AuditContext("track")


@dataclass(slots=True)
class TrackBuffer:
    """The newest significant point of one delivery, and its points that are not yet written."""

    company_id: UUID
    last_point: TrackPoint | None = None
    pending: list[TrackPoint] = field(default_factory=list)
    failures: int = 0


class TrackWriter:
    """Writes the tracks of one process. Start it in a running loop, close it at the end."""

    def __init__(self, database: Database, flush_seconds: float = FLUSH_SECONDS) -> None:
        self._database = database
        self._flush_seconds = flush_seconds
        self._buffers: dict[UUID, TrackBuffer] = {}
        self._task: asyncio.Task[None] | None = None
        self._flushing = asyncio.Lock()
        self.buffered_count = 0
        self.dropped_count = 0
        """Points dropped because the buffer was full or too many flushes had failed."""

    def start(self) -> None:
        """Start to flush periodically."""
        if self._task is None:
            self._task = asyncio.create_task(self._flush_forever(), name="tracks")

    async def close(self) -> None:
        """Stop the periodic flush and write the pending points."""
        if self._task is not None:
            # Not in the middle of a flush, whose points would be lost.
            async with self._flushing:
                self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        await self.flush()

    def add_points(self, delivery_id: UUID, company_id: UUID, points: Sequence[TrackPoint]) -> None:
        """Buffer points of a delivery, the earliest first; insignificant points are left out."""
        buffer = self._buffers.get(delivery_id)
        if buffer is None:
            buffer = self._buffers[delivery_id] = TrackBuffer(company_id)
        for point in points:
            if not is_significant(buffer.last_point, point):
                continue
            if self.buffered_count >= MAX_BUFFERED_POINTS:
                self.dropped_count += 1
                continue
            buffer.last_point = point
            buffer.pending.append(point)
            self.buffered_count += 1

    async def flush(self) -> None:
        """Write all points added before the call, also those that another flush is writing.

        Points that can't be written stay for MAX_FLUSH_FAILURES.
        """
        async with self._flushing:
            pending = sorted(
                ((key, buffer) for key, buffer in self._buffers.items() if buffer.pending),
                key=lambda item: item[0],
            )
            for start in range(0, len(pending), MAX_TRACKS_PER_STATEMENT):
                await self._write(pending[start : start + MAX_TRACKS_PER_STATEMENT])

    async def _write(self, buffers: Sequence[tuple[UUID, TrackBuffer]]) -> None:
        batch = [(key, buffer, buffer.pending) for key, buffer in buffers]
        for _, buffer, points in batch:
            buffer.pending = []
            self.buffered_count -= len(points)
        try:
            async with self._database.write(PLATFORM, ORIGIN) as session:
                await append_points(
                    session, [(key, buffer.company_id, points) for key, buffer, points in batch]
                )
        except Exception:
            log.warning("the tracks of %d deliveries stay pending", len(batch), exc_info=True)
            self._put_back(batch)
        else:
            for _, buffer, _ in batch:
                buffer.failures = 0

    def _put_back(self, batch: Sequence[tuple[UUID, TrackBuffer, list[TrackPoint]]]) -> None:
        for _, buffer, points in batch:
            buffer.failures += 1
            if buffer.failures > MAX_FLUSH_FAILURES:
                buffer.failures = 0
                self.dropped_count += len(points)
            else:
                buffer.pending[:0] = points
                self.buffered_count += len(points)

    async def _flush_forever(self) -> None:
        while True:
            await asyncio.sleep(self._flush_seconds)
            await self.flush()
            self._delete_idle_buffers()

    def _delete_idle_buffers(self) -> None:
        """Delete the buffers of deliveries without a point in the last IDLE_BUFFER_SECONDS."""
        newest = max(
            (
                buffer.last_point.recorded_at
                for buffer in self._buffers.values()
                if buffer.last_point
            ),
            default=None,
        )
        if newest is None:
            return
        since = newest - timedelta(seconds=IDLE_BUFFER_SECONDS)
        idle = [
            key
            for key, buffer in self._buffers.items()
            if not buffer.pending
            and (buffer.last_point is None or buffer.last_point.recorded_at < since)
        ]
        for key in idle:
            del self._buffers[key]
