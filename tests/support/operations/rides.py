"""A ride between store and door: where its rider says to be, and who sees the way of it."""

from tests.support import riders
from tests.support.operations.player import Play


async def on_the_road(play: Play, delivery: str) -> None:
    """Once with a network, once after a time without one."""
    database = play.house.database
    await riders.a_while_later(database, play.city)
    await play("rider", "rider_location_report", **play.city.point)
    await riders.a_while_later(database, play.city)
    points = [{**play.city.point, "agoSeconds": ago} for ago in (2, 1)]
    await play("rider", "rider_location_report_batch", points=points)
    await play.house.positions.tracks.flush()
    for who in ("picker", "agent"):
        assert (await play(who, "delivery_track", id=delivery))["track"]["polyline"]
