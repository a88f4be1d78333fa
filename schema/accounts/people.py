from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from dataloaders import accounts as load_accounts
from models.accounts import Person
from models.identity import Role, SignInSession
from resolvers.accounts import invitations as invitation_resolvers
from resolvers.accounts import people as resolve
from resolvers.delivery import riders
from resolvers.orders import orders as resolve_order
from schema.accounts.addresses import AddressType
from schema.backing import backed_by, column, field, related
from schema.delivery.riders import RiderDeskType
from schema.fields import id_field, private_field
from schema.nodes import NodeType
from schema.orders.orders import OrderType
from schema.pages import ConnectionType
from schema.problems import InvalidInputType, NotFoundType
from services.accounts import people

if TYPE_CHECKING:
    from schema.accounts.invitations import InvitationType
    from schema.companies.companies import GrantType
    from schema.stores.stores import StoreType


FOR_OTHERS = "for others than themselves, managers and admins of their company, and support"


@backed_by(Person, "A human being with an account.")
class PersonType(NodeType):
    id: strawberry.ID = id_field(Person)
    name: str = column("What they want to be called; empty when they haven't said.")
    phone: str | None = private_field(
        "phone", f"Their phone (E.164); null for guests, and {FOR_OTHERS}.", people.may_contact
    )
    email: str | None = private_field(
        "email", f"Their e-mail address; null {FOR_OTHERS}.", people.may_contact
    )
    language: str = column("The language tag they read.")


@backed_by(people.DeviceSession, "A device that is signed in.")
class SessionType(NodeType):
    id: strawberry.ID = id_field(SignInSession)
    current: bool = column("Whether this very request comes from it.")
    device: str = column("How the device named itself.")
    address: str = column("The network address it signed in from.")
    created_at: datetime = column("When it signed in.")
    last_used_at: datetime = column("When it last asked for an access token.")
    expires_at: datetime = column("When it ends unless it is used before.")


@backed_by(people.CustomerProfile, "The viewer as a customer.")
class CustomerType:
    id: strawberry.ID = id_field(Person)
    addresses: list[AddressType] = related(
        load_accounts.addresses_by_person, "The places they have written down, the newest first."
    )
    orders: ConnectionType[OrderType] = field(
        resolve_order.orders_of_customer, "Their orders, the newest first.", cost=5
    )


@backed_by(people.StaffProfile, "The viewer as somebody who works in stores.")
class StaffType:
    grants: list[Annotated["GrantType", strawberry.lazy("schema.companies.companies")]] = column(
        "The roles that the access token carries."
    )
    stores: list[Annotated["StoreType", strawberry.lazy("schema.stores.stores")]] = field(
        resolve.stores, "The stores they work in, at most 100."
    )


@backed_by(people.SupportAgentProfile, "The viewer as a support agent.")
class SupportAgentType:
    platform: bool = field(resolve.platform, "Whether they serve every company.")


@backed_by(people.Viewer, "The signed-in person, as they see themselves.")
class ViewerType:
    id: strawberry.ID = id_field(Person)
    name: str = column("What they want to be called; empty when they haven't said.")
    phone: str | None = column("Their phone (E.164); null for guests.")
    email: str | None = column("Their e-mail address.")
    language: str = column("The language tag they read.")
    roles: list[Role] = field(resolve.roles, "The parts they can play, each once.")
    grants: list[Annotated["GrantType", strawberry.lazy("schema.companies.companies")]] = column(
        "The roles that the access token carries, and where they are held."
    )
    invitations: list[
        Annotated["InvitationType", strawberry.lazy("schema.accounts.invitations")]
    ] = field(
        invitation_resolvers.list_own,
        "The roles that are offered to their phone or e-mail address, the newest first, at most"
        " 50.",
        cost=5,
    )
    sessions: list[SessionType] = field(resolve.sessions, "Where they are signed in.", cost=5)
    customer: CustomerType | None = field(resolve.customer, "As a customer, when they are one.")
    staff: StaffType | None = field(resolve.staff, "As store staff, when they are.")
    rider: RiderDeskType | None = field(riders.viewer_rider, "As a rider, when they are one.")
    support_agent: SupportAgentType | None = field(
        resolve.support_agent, "As a support agent, when they are one."
    )


PersonUpdateError = Annotated[
    NotFoundType | InvalidInputType,
    strawberry.union("PersonUpdateError", description="Why the person stays as they are."),
]


@backed_by(resolve.PersonOutcome, "What personUpdate did.")
class PersonUpdatePayload:
    person: PersonType | None = column("The person as they are now.")
    errors: list[PersonUpdateError] = column("Every reason why nothing was done.")
