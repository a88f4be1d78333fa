"""Measures what each kind of work takes for each unit that it costs, on a running server."""

import random
from dataclasses import dataclass

from tests.support import city as cities
from tests.support.actors import create_client
from tests.support.operations.every_operation import play_every_operation
from tests.support.operations.player import create_player
from tests.support.production.cpu_meter import CpuMeter
from tests.support.production.entry_point_kinds import ENTRY_POINT_KINDS
from tests.support.production.harness import Harness, RunningServer, open_harness, unused_place
from tests.support.production.measuring_player import MeasuringPlayer, Spending
from tests.support.production.other_kinds import KINDS, prepare_rows

REFERENCE = "the storefront"
MAX_RATIO = 20.0
"""How many times the CPU of the storefront anything may take for the same units."""
REFERENCE_COUNT = 20
KIND_COUNT = 4
SHORT_KIND_COUNT = 2


@dataclass(frozen=True, slots=True)
class PriceRow:
    """What one kind of work takes: milliseconds a request and a unit, and its ratio."""

    name: str
    spending: Spending
    ratio: float

    def __str__(self) -> str:
        one, count = self.spending, max(1, self.spending.count)
        return (
            f"{self.name:44} {one.server_ms / count:9.2f} {one.database_ms / count:9.2f}"
            f" {one.units / count:9.1f} {one.ms_per_unit:9.4f} {self.ratio:7.2f}"
        )


HEADING = (
    f"{'kind of work':44} {'server ms':>9} {'SQL ms':>9} {'units':>9} {'ms a unit':>9} {'ratio':>7}"
)


async def create_measuring_player(server: RunningServer, harness: Harness) -> MeasuringPlayer:
    """People of a city of their own, who send their operations to the server."""
    place = unused_place(random.Random())
    city = await cities.build_city(harness.container.database, place=place)
    plain = await create_player(harness.container, harness.payments, city)
    meter = CpuMeter(server.pid, server.instance.postgres.pid() or 0)
    return MeasuringPlayer(
        plain.container, plain.desk, plain.city, plain.clients, http=harness.http, meter=meter
    )


async def measure_prices(server: RunningServer, *, short: bool) -> list[PriceRow]:
    """Play everything once to warm up, then measure; the dearest by its ratio comes first.

    The short form plays no stories: it has what is no field, and the operations that come before.
    """
    async with open_harness(server) as harness:
        await play_all(
            await create_measuring_player(server, harness), harness, short=short, count=1
        )
        play = await create_measuring_player(server, harness)
        count = SHORT_KIND_COUNT if short else KIND_COUNT
        await play_all(play, harness, short=short, count=count)
    return rows_of(play.spent)


async def play_all(play: MeasuringPlayer, harness: Harness, *, short: bool, count: int) -> None:
    """The stories, the reference before and behind, and each kind that is no field some times."""
    if not short:
        await play_every_operation(play, harness.texts)
        # The last story signs the owner out.
        grants = play.clients["owner"].actor.grants
        play.clients["owner"] = await create_client(play.container, "Owner", *grants)
    await measure_storefront(play)
    await prepare_rows(play, with_story=short)
    for kind in (*KINDS, *ENTRY_POINT_KINDS) * count:
        await kind(play)
    await measure_storefront(play)


async def measure_storefront(play: MeasuringPlayer) -> None:
    """The reference: what everybody does."""
    operation = "storefront"
    for _ in range(REFERENCE_COUNT // 2):
        await play("buyer", operation, location=play.city.point)


def rows_of(spent: dict[str, Spending]) -> list[PriceRow]:
    """Each kind of work with its ratio to the storefront."""
    reference = spent["Query.storefront"].ms_per_unit
    rows = [PriceRow(name, one, one.ms_per_unit / reference) for name, one in spent.items()]
    return sorted(rows, key=lambda row: -row.ratio)
