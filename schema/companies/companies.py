from typing import Annotated

import strawberry

from dataloaders import accounts as load_accounts
from dataloaders import companies as load
from dataloaders import stores as load_stores
from models.accounts import Membership
from models.companies import Company
from models.identity import Grant, Role
from resolvers.companies import companies as resolve
from schema.accounts.invitations import RoleNotGrantableType
from schema.accounts.people import PersonType
from schema.backing import backed_by, column, related
from schema.fields import id_field, money_field
from schema.nodes import NodeType
from schema.problems import InvalidInputType, NotFoundType, ProblemType
from schema.scalars import MoneyType
from schema.stores.stores import StoreType
from services import companies


@backed_by(Company, "A seller: the owner of stores, a catalog and its own terms.")
class CompanyType(NodeType):
    id: strawberry.ID = id_field(Company)
    name: str = column("What customers call it.")
    slug: str = column("Its short name in addresses.")
    currency: str = column("The ISO 4217 code of all its prices.")
    minimum_order: MoneyType = money_field("minimum_order_minor", "The least worth of an order.")
    small_order_fee: MoneyType = money_field("small_order_fee_minor", "Added to small orders.")
    small_order_below: MoneyType = money_field(
        "small_order_below_minor", "Orders under this are small."
    )
    delivery_fee: MoneyType = money_field("delivery_fee_minor", "What bringing an order costs.")
    free_delivery_from: MoneyType | None = money_field(
        "free_delivery_from_minor", "Delivery is free from this worth; null when it never is."
    )
    cancellation_fee: MoneyType = money_field(
        "cancellation_fee_minor", "What a customer pays who cancels once picking has begun."
    )
    tax_rate_bp: int = column("The tax that prices include, in hundredths of a percent.")
    weighed_headroom_bp: int = column(
        "What is held beyond the estimate of what is sold by weight, in hundredths of a percent."
    )


@backed_by(Grant, "A role as the access token carries it.")
class GrantType:
    role: Role = column("What its holder may do.")
    company: CompanyType | None = related(
        load.company_by_id, "Where; null for the whole platform.", by="company_id"
    )
    store: StoreType | None = related(
        load_stores.store_by_id, "In which store; null for all of the company.", by="store_id"
    )


@backed_by(Membership, "A role given to a person.")
class RoleGrantType(NodeType):
    id: strawberry.ID = id_field(Membership)
    role: Role = column("What its holder may do.")
    person: PersonType | None = related(
        load_accounts.person_by_id, "Its holder, for those who may see them.", by="person_id"
    )
    company: CompanyType | None = related(
        load.company_by_id, "Where; null for the whole platform.", by="company_id"
    )
    store: StoreType | None = related(
        load_stores.store_by_id, "In which store; null for all of the company.", by="store_id"
    )


@backed_by(companies.SlugTaken, "Another company has this short name.")
class SlugTakenType(ProblemType):
    pass


CompanyCreateError = Annotated[
    NotFoundType | InvalidInputType | SlugTakenType,
    strawberry.union("CompanyCreateError", description="Why no company was opened."),
]
CompanyUpdateError = Annotated[
    NotFoundType | InvalidInputType,
    strawberry.union("CompanyUpdateError", description="Why the company is as it was."),
]
RoleRevokeError = Annotated[
    NotFoundType | RoleNotGrantableType,
    strawberry.union("RoleRevokeError", description="Why the role was not taken away."),
]


@backed_by(resolve.CompanyOutcome, "What companyCreate did.")
class CompanyCreatePayload:
    company: CompanyType | None = column("The new company.")
    errors: list[CompanyCreateError] = column("Every reason why nothing was done.")


@backed_by(resolve.CompanyOutcome, "What companyUpdate did.")
class CompanyUpdatePayload:
    company: CompanyType | None = column("The company as it is now.")
    errors: list[CompanyUpdateError] = column("Every reason why nothing was done.")


@backed_by(resolve.RoleOutcome, "What roleRevoke did.")
class RoleRevokePayload:
    grant: RoleGrantType | None = column("The role that was taken away.")
    errors: list[RoleRevokeError] = column("Every reason why nothing was done.")
