import strawberry

from models import TemperatureZone
from services.handling import Handling


@strawberry.input(description="How much is held beyond the estimate of what is sold by weight.")
class CompanyHeadroomSetInput:
    company_id: strawberry.ID = strawberry.field(description="Your company.")
    headroom_bp: int = strawberry.field(
        description="Hundredths of a percent of the estimate, from 0 to 5000."
    )


@strawberry.input(description="How a product is kept in every store of your company.")
class ProductHandlingSetInput:
    product_id: strawberry.ID = strawberry.field(description="A product of your company.")
    temperature_zone: TemperatureZone = strawberry.field(description="How cold it is kept.")

    unit_grams: int | None = strawberry.field(
        default=None,
        description="What a piece weighs, about, where it is sold by weight; else leave it out.",
    )

    def handling(self) -> Handling:
        return Handling(temperature_zone=self.temperature_zone, unit_grams=self.unit_grams)
