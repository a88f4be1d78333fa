"""`python -m server worker`: do the background work until told to stop."""

import asyncio
import signal
import sys
from collections.abc import Mapping, Sequence

import uvloop

from jobs.run_log import Book
from jobs.runner import Hands, run_all
from jobs.schedule import JOBS, WAITING
from server.container import resting_house
from server.endpoints.stock_uploads import open_storage
from server.logs import set_up_logs
from server.settings import BadSetting, Settings, settings_of
from server.webhook_payloads import GraphPayloads
from server.worker_database import open_workbench


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Work; 0 when told to stop, 1 with a sentence when a setting is wrong."""
    set_up_logs()
    try:
        settings = settings_of(environment)
    except BadSetting as bad:
        print(f"worker: {bad}", file=sys.stderr)
        return 1
    uvloop.run(_work(settings))
    return 0


async def _work(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with open_workbench(settings) as database:
        house = resting_house(settings, database)
        hands = Hands(
            database=database,
            payments=house.payments,
            storage=open_storage(settings),
            webhooks=house.webhooks,
            payloads=GraphPayloads(house),
            events_days=settings.events_days,
        )
        await run_all(JOBS, hands, stop, Book(database, WAITING))
        await house.webhooks.close()
        await house.payments.close()
