"""`python -m server worker`: run the background jobs until stopped."""

import asyncio
import signal
from collections.abc import Mapping, Sequence

import uvloop

from jobs.run_log import RunLog
from jobs.runner import JobDependencies, run_jobs
from jobs.schedule import BACKLOG_QUERIES, JOBS
from server.clock_check import checked_clock
from server.container import (
    build_messages,
    build_storage,
    offline_container,
    open_worker_database,
)
from server.logs import configure_logging
from server.settings import Settings, read_settings
from server.webhook_payloads import GraphPayloads


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run the jobs; 0 when stopped by a signal. Raises BadSetting."""
    configure_logging()
    settings = read_settings(environment)
    uvloop.run(_run(settings))
    return 0


async def _run(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with open_worker_database(settings) as database, checked_clock(database):
        container = offline_container(settings, database)
        dependencies = JobDependencies(
            database=database,
            payments=container.payments,
            storage=build_storage(settings),
            objects=container.files.storage,
            webhooks=container.webhooks,
            payloads=GraphPayloads(container),
            messages=build_messages(settings, container),
            retention=settings.retention,
        )
        await run_jobs(JOBS, dependencies, stop, RunLog(database, BACKLOG_QUERIES))
        await container.files.storage.close()
        await container.webhooks.close()
        await container.payments.close()
