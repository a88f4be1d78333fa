import strawberry

from models.point import Point
from services.point import point


@strawberry.input(description="A place on earth in degrees (WGS 84).")
class GeoPointInput:
    latitude: float = strawberry.field(description="Degrees north, from -90 to 90.")
    longitude: float = strawberry.field(description="Degrees east, from -180 to 180.")

    def point(self, *path: str) -> Point:
        """The place, refused at `path` when it is nowhere on earth."""
        return point(self.latitude, self.longitude, *path)
