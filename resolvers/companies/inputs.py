import strawberry

from resolvers.shared_inputs import CompanyTimersInput, SafeInt, given_timers
from services.companies import CompanyChange, CompanyTerms


@strawberry.input(description="Input of `companyCreate`.")
class CompanyCreateInput:
    name: str = strawberry.field(description="Its name for customers, up to 100 characters.")
    slug: str = strawberry.field(description="Its short name for URLs: a-z, 0-9, hyphens.")
    currency: str = strawberry.field(description="The ISO 4217 code of all its prices.")
    minimum_order_minor: SafeInt = strawberry.field(
        description="Minimum value of an order, in minor units.", default=SafeInt(0)
    )
    small_order_fee_minor: SafeInt = strawberry.field(
        description="Fee that is added to small orders, in minor units.", default=SafeInt(0)
    )
    small_order_threshold_minor: SafeInt = strawberry.field(
        description="Orders below this value are small, in minor units.", default=SafeInt(0)
    )
    delivery_fee_minor: SafeInt = strawberry.field(
        description="Delivery fee, in minor units.", default=SafeInt(0)
    )
    free_delivery_threshold_minor: SafeInt | None = strawberry.field(
        description="Value from which delivery is free, in minor units.", default=None
    )
    tax_rate_basis_points: int = strawberry.field(
        description="Tax rate that prices include, in hundredths of a percent.", default=0
    )

    def to_terms(self) -> CompanyTerms:
        """Return the fees, thresholds and tax rate."""
        return CompanyTerms(
            **{name: getattr(self, name) for name in CompanyTerms.__dataclass_fields__}
        )


@strawberry.input(description="Input of `companyUpdate`. Fields that are left out are not changed.")
class CompanyUpdateInput:
    company_id: strawberry.ID = strawberry.field(description="The company.")
    cancellation_fee_minor: SafeInt | None = strawberry.field(
        default=None,
        description="Fee for customers who cancel after picking has started, in minor units.",
    )
    authorization_buffer_basis_points: int | None = strawberry.field(
        default=None,
        description="Amount that is authorized beyond the estimate for goods sold by weight, in"
        " hundredths of a percent of it, from 0 to 5000. Orders already placed keep theirs.",
    )
    timers: CompanyTimersInput | None = strawberry.field(
        default=None, description="Timers of its orders; they hold for steps that begin later."
    )

    def to_change(self) -> CompanyChange:
        """Return the new values."""
        return CompanyChange(
            cancellation_fee_minor=self.cancellation_fee_minor,
            authorization_buffer_basis_points=self.authorization_buffer_basis_points,
            timers=given_timers(self.timers),
        )


@strawberry.input(description="Input of `roleRevoke`.")
class RoleRevokeInput:
    role_assignment_id: strawberry.ID = strawberry.field(
        description="The grant, from `Invitation.roleAssignment`."
    )
