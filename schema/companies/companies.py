from typing import Annotated

import strawberry

from dataloaders import accounts as load_accounts
from dataloaders import companies as load
from dataloaders import stores as load_stores
from models.accounts import Membership
from models.companies import Company
from models.identity import Grant, Role
from models.timers import CompanyTimers
from resolvers.companies import companies as resolve
from schema.accounts.invitations import RoleNotGrantableType
from schema.accounts.people import UserType
from schema.backing import backed_by, column, related
from schema.fields import id_field, money_field
from schema.nodes import NodeType
from schema.problems import InvalidInputType, NotFoundType, ProblemType
from schema.scalars import MoneyType
from schema.stores.stores import StoreType
from services import companies


@backed_by(CompanyTimers, "How long the steps of an order may take in a company, in seconds.")
class CompanyTimersType:
    payment_seconds: int = column("Time for the payment of a new order.")
    accept_seconds: int = column(
        "Time for a store to accept a new task before it moves to the next store."
    )
    resume_seconds: int = column("The same for a task that was given back with picked units.")
    offer_seconds: int = column("Time for a rider to answer an offer.")
    rider_silence_seconds: int = column(
        "Time without positions after which a rider loses the delivery, or is asked for a position"
        " if they have the bags."
    )
    rider_silence_case_seconds: int = column(
        "Time without positions of a rider with the bags after which support gets a case."
    )
    no_show_wait_seconds: int = column("Time for which a rider waits for the customer at the door.")
    picking_idle_seconds: int = column(
        "Time after which an accepted task that nobody works on goes back to the queue."
    )
    substitute_answer_seconds: int = column(
        "Time for a customer to answer a substitute before the preference of the line decides."
    )
    packed_wait_seconds: int = column(
        "Time until a store is alerted to packed bags that are not staged, and as long again until"
        " support is."
    )
    staged_wait_seconds: int = column(
        "Time until store and support are alerted to staged bags without a rider."
    )
    search_wider_seconds: int = column("Time after which a search looks for riders farther away.")
    search_alert_seconds: int = column(
        "Time until store and support are alerted to a search without a rider."
    )
    search_cancel_offer_seconds: int = column(
        "Time after which the customer of a search without a rider may cancel with a full refund."
    )
    search_end_seconds: int = column(
        "Time after which the order of a search without a rider is canceled with a full refund."
    )
    reauthorization_seconds: int = column(
        "Time for a customer to confirm again a payment that was lost before the charge."
    )
    change_payment_seconds: int = column(
        "Time for a customer to confirm the higher total of a changed order."
    )


@backed_by(Company, "A company: a seller with stores, a catalog and terms of its own.")
class CompanyType(NodeType):
    id: strawberry.ID = id_field(Company)
    name: str = column("Its name for customers.")
    slug: str = column("Its short name for URLs.")
    currency: str = column("The ISO 4217 code of all its prices.")
    minimum_order: MoneyType = money_field("minimum_order_minor", "The minimum value of an order.")
    small_order_fee: MoneyType = money_field(
        "small_order_fee_minor", "Fee that is added to small orders."
    )
    small_order_threshold: MoneyType = money_field(
        "small_order_threshold_minor", "Orders below this value are small."
    )
    delivery_fee: MoneyType = money_field("delivery_fee_minor", "Delivery fee.")
    free_delivery_threshold: MoneyType | None = money_field(
        "free_delivery_threshold_minor", "Value from which delivery is free; null if it never is."
    )
    cancellation_fee: MoneyType = money_field(
        "cancellation_fee_minor", "Fee for customers who cancel after picking has started."
    )
    timers: CompanyTimersType = column("How long the steps of its orders may take.")
    tax_rate_basis_points: int = column("Tax rate that prices include, in hundredths of a percent.")
    authorization_buffer_basis_points: int = column(
        "Amount that is authorized beyond the estimate for goods sold by weight, in"
        " hundredths of a percent."
    )
    scale_label_formats: list[str] = column("How the labels of its scales are read.")


@backed_by(Grant, "A role in the access token, with its scope.")
class GrantType:
    role: Role = column("The role.")
    company: CompanyType | None = related(
        load.company_by_id, "The company; null for the whole platform.", by="company_id"
    )
    store: StoreType | None = related(
        load_stores.store_by_id, "The store; null for the whole company.", by="store_id"
    )


@backed_by(Membership, "A role given to a person.")
class RoleAssignmentType(NodeType):
    id: strawberry.ID = id_field(Membership)
    role: Role = column("The role.")
    user: UserType | None = related(
        load_accounts.person_by_id, "Its holder, for those who may see them.", by="person_id"
    )
    company: CompanyType | None = related(
        load.company_by_id, "The company; null for the whole platform.", by="company_id"
    )
    store: StoreType | None = related(
        load_stores.store_by_id, "The store; null for the whole company.", by="store_id"
    )


@backed_by(companies.SlugTaken, "Another company has this short name.")
class SlugTakenType(ProblemType):
    pass


CompanyCreateError = Annotated[
    NotFoundType | InvalidInputType | SlugTakenType,
    strawberry.union("CompanyCreateError", description="Problems that `companyCreate` can return."),
]
CompanyUpdateError = Annotated[
    NotFoundType | InvalidInputType,
    strawberry.union("CompanyUpdateError", description="Problems that `companyUpdate` can return."),
]
RoleRevokeError = Annotated[
    NotFoundType | RoleNotGrantableType,
    strawberry.union("RoleRevokeError", description="Problems that `roleRevoke` can return."),
]


@backed_by(resolve.CompanyOutcome, "Result of `companyCreate`.")
class CompanyCreatePayload:
    company: CompanyType | None = column("The new company.")
    errors: list[CompanyCreateError] = column("The problems; empty if the mutation succeeded.")


@backed_by(resolve.CompanyOutcome, "Result of `companyUpdate`.")
class CompanyUpdatePayload:
    company: CompanyType | None = column("The company as it is now.")
    errors: list[CompanyUpdateError] = column("The problems; empty if the mutation succeeded.")


@backed_by(resolve.RoleOutcome, "Result of `roleRevoke`.")
class RoleRevokePayload:
    role_assignment: RoleAssignmentType | None = column("The revoked role.")
    errors: list[RoleRevokeError] = column("The problems; empty if the mutation succeeded.")
