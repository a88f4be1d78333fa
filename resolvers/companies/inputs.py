import strawberry

from resolvers.shared_inputs import BigInt
from services.companies import CompanyChange, CompanyTerms


@strawberry.input(description="Input of `companyCreate`.")
class CompanyCreateInput:
    name: str = strawberry.field(description="Its name for customers, up to 100 characters.")
    slug: str = strawberry.field(description="Its short name for URLs: a-z, 0-9, hyphens.")
    currency: str = strawberry.field(description="The ISO 4217 code of all its prices.")
    minimum_order_minor: BigInt = strawberry.field(
        description="Minimum value of an order, in minor units.", default=BigInt(0)
    )
    small_order_fee_minor: BigInt = strawberry.field(
        description="Fee that is added to small orders, in minor units.", default=BigInt(0)
    )
    small_order_below_minor: BigInt = strawberry.field(
        description="Orders below this value are small, in minor units.", default=BigInt(0)
    )
    delivery_fee_minor: BigInt = strawberry.field(
        description="Delivery fee, in minor units.", default=BigInt(0)
    )
    free_delivery_from_minor: BigInt | None = strawberry.field(
        description="Value from which delivery is free, in minor units.", default=None
    )
    tax_rate_bp: int = strawberry.field(
        description="Tax rate that prices include, in hundredths of a percent.", default=0
    )

    def to_terms(self) -> CompanyTerms:
        """Return the fees, thresholds and tax rate."""
        return CompanyTerms(
            **{name: getattr(self, name) for name in CompanyTerms.__dataclass_fields__}
        )


@strawberry.input(
    description="New timers of a company, in seconds. Timers that are left out are not changed."
)
class CompanyTimersInput:
    payment_seconds: int | None = strawberry.field(
        default=None, description="Time for the payment of a new order, from 120 to 900."
    )
    accept_seconds: int | None = strawberry.field(
        default=None,
        description="Time for a store to accept a new task before it moves to the next store,"
        " from 15 to 900.",
    )
    resume_seconds: int | None = strawberry.field(
        default=None,
        description="The same for a task that was given back with picked units, from 60 to 1,800.",
    )
    offer_seconds: int | None = strawberry.field(
        default=None, description="Time for a rider to answer an offer, from 10 to 120."
    )
    rider_silence_seconds: int | None = strawberry.field(
        default=None,
        description="Time without positions after which a rider loses the delivery, or is asked"
        " for a position if they have the bags, from 60 to 1,800.",
    )
    rider_silence_case_seconds: int | None = strawberry.field(
        default=None,
        description="Time without positions of a rider with the bags after which support gets a"
        " case, from 120 to 3,600.",
    )
    no_show_wait_seconds: int | None = strawberry.field(
        default=None,
        description="Time for which a rider waits for the customer at the door, from 60 to 1,800.",
    )


@strawberry.input(description="Input of `companyUpdate`. Fields that are left out are not changed.")
class CompanyUpdateInput:
    company_id: strawberry.ID = strawberry.field(description="The company.")
    cancellation_fee_minor: BigInt | None = strawberry.field(
        default=None,
        description="Fee for customers who cancel after picking has started, in minor units.",
    )
    timers: CompanyTimersInput | None = strawberry.field(
        default=None, description="Timers of its orders; they hold for steps that begin later."
    )

    def to_change(self) -> CompanyChange:
        """Return the new values."""
        given = {} if self.timers is None else vars(self.timers)
        timers = {name: value for name, value in given.items() if value is not None}
        return CompanyChange(self.cancellation_fee_minor, timers)


@strawberry.input(description="Input of `roleRevoke`.")
class RoleRevokeInput:
    grant_id: strawberry.ID = strawberry.field(description="The grant, from `Invitation.grant`.")
