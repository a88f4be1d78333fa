import strawberry

from resolvers.shared_inputs import BigInt
from services.companies import CompanyTerms


@strawberry.input(description="A new seller.")
class CompanyCreateInput:
    name: str = strawberry.field(description="As customers read it: up to 100 characters.")
    slug: str = strawberry.field(description="Its short name in addresses: a-z, 0-9, hyphens.")
    currency: str = strawberry.field(description="The ISO 4217 code of all its prices.")
    minimum_order_minor: BigInt = strawberry.field(
        description="The least worth of an order, in minor units.", default=BigInt(0)
    )
    small_order_fee_minor: BigInt = strawberry.field(
        description="Added to small orders, in minor units.", default=BigInt(0)
    )
    small_order_below_minor: BigInt = strawberry.field(
        description="Orders under this are small, in minor units.", default=BigInt(0)
    )
    delivery_fee_minor: BigInt = strawberry.field(
        description="What bringing an order costs, in minor units.", default=BigInt(0)
    )
    free_delivery_from_minor: BigInt | None = strawberry.field(
        description="Delivery is free from this worth, in minor units.", default=None
    )
    tax_rate_bp: int = strawberry.field(
        description="The tax that prices include, in hundredths of a percent.", default=0
    )

    def to_terms(self) -> CompanyTerms:
        """Return the fees, thresholds and tax rate."""
        return CompanyTerms(
            **{name: getattr(self, name) for name in CompanyTerms.__dataclass_fields__}
        )


@strawberry.input(description="New terms of a company.")
class CompanyUpdateInput:
    company_id: strawberry.ID = strawberry.field(description="The company.")
    cancellation_fee_minor: BigInt = strawberry.field(
        description="What a customer pays who cancels once picking has begun, in minor units."
    )


@strawberry.input(description="A role to take away.")
class RoleRevokeInput:
    grant_id: strawberry.ID = strawberry.field(description="The grant, from `Invitation.grant`.")
