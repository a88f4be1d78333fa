"""The positions that a rider reports during a delivery, and its track."""

from tests.support import riders
from tests.support.operations.player import OperationPlayer


async def report_positions(play: OperationPlayer, delivery: str) -> None:
    """Report once with a network, and once after a time without one."""
    database = play.container.database
    await riders.age_positions(database, play.city)
    await play("rider", "rider_location_report", **play.city.point)
    await riders.age_positions(database, play.city)
    points = [{**play.city.point, "ageSeconds": age_seconds} for age_seconds in (2, 1)]
    await play("rider", "rider_locations_report", locations=points)
    await play.container.positions.track_writer.flush()
    for actor in ("picker", "agent"):
        assert (await play(actor, "delivery_track", id=delivery))["track"]["polyline"]
