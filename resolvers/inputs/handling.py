import strawberry

from models import TemperatureZone
from services.handling import Handling


@strawberry.input(description="How a product is kept in every store of your company.")
class ProductHandlingSetInput:
    product_id: strawberry.ID = strawberry.field(description="A product of your company.")
    temperature_zone: TemperatureZone = strawberry.field(description="How cold it is kept.")

    def handling(self) -> Handling:
        return Handling(temperature_zone=self.temperature_zone)
