"""A ride between store and door: where its rider says to be, and who sees the way of it."""

from tests.resolvers.playing import Play
from tests.services import riding


async def on_the_road(play: Play, delivery: str) -> None:
    """Once with a network, once after a time without one."""
    database = play.house.database
    await riding.a_while_later(database, play.city)
    await play("rider", "rider_location_report", **play.city.point)
    await riding.a_while_later(database, play.city)
    points = [{**play.city.point, "agoSeconds": ago} for ago in (2, 1)]
    await play("rider", "rider_location_report_batch", points=points)
    await play.house.positions.tracks.flush()
    for who in ("picker", "agent"):
        assert (await play(who, "delivery_track", id=delivery))["track"]["polyline"]
