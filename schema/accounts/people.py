from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from dataloaders import accounts as load_accounts
from models.accounts import User
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


VISIBLE = "visible to themselves, managers and admins of their company, and support"


@backed_by(User, "A person with an account.")
class UserType(NodeType):
    id: strawberry.ID = id_field(User)
    name: str = column("Their name; empty if unknown.")
    phone: str | None = private_field(
        "phone", f"Their phone (E.164), null for guests; {VISIBLE}.", people.may_contact
    )
    email: str | None = private_field(
        "email", f"Their e-mail address; {VISIBLE}.", people.may_contact
    )
    language: str = column("Tag of their preferred language.")


@backed_by(people.DeviceSession, "A device that is signed in.")
class SessionType(NodeType):
    id: strawberry.ID = id_field(SignInSession)
    is_current: bool = column("Whether this request belongs to it.")
    device_name: str = column("Name that the device gave.")
    ip_address: str = column("Network address at the sign-in.")
    created_at: datetime = column("Time of the sign-in.")
    last_used_at: datetime = column("Time of the last access token.")
    expires_at: datetime = column("Time when it expires unless it is used.")


@backed_by(people.CustomerProfile, "The viewer as a customer.")
class CustomerType:
    id: strawberry.ID = id_field(User)
    addresses: list[AddressType] = related(
        load_accounts.addresses_by_person, "Their saved addresses, newest first."
    )
    orders: ConnectionType[OrderType] | None = field(
        resolve_order.orders_of_customer,
        "Their orders, newest first.",
        cost=5,
        pass_attributes=True,
    )


@backed_by(people.StaffProfile, "The viewer as store staff.")
class StaffType:
    role_assignments: list[
        Annotated["GrantType", strawberry.lazy("schema.companies.companies")]
    ] = column("The roles in the access token.")
    stores: list[Annotated["StoreType", strawberry.lazy("schema.stores.stores")]] = field(
        resolve.stores, "The stores they work in, at most 100."
    )


@backed_by(people.SupportAgentProfile, "The viewer as a support agent.")
class SupportAgentType:
    serves_all_companies: bool = field(resolve.platform, "Whether they serve every company.")


@backed_by(people.Viewer, "The signed-in person, with their roles.")
class ViewerType:
    id: strawberry.ID = id_field(User)
    name: str = column("Their name; empty if unknown.")
    phone: str | None = column("Their phone (E.164); null for guests.")
    email: str | None = column("Their e-mail address.")
    language: str = column("Tag of their preferred language.")
    roles: list[Role] = field(resolve.roles, "Their roles, each once.")
    role_assignments: list[
        Annotated["GrantType", strawberry.lazy("schema.companies.companies")]
    ] = column("The roles in the access token, with their scopes.")
    invitations: list[
        Annotated["InvitationType", strawberry.lazy("schema.accounts.invitations")]
    ] = field(
        invitation_resolvers.list_own,
        "Pending invitations for their phone or e-mail address, newest first, at most 50.",
        cost=5,
    )
    sessions: list[SessionType] = field(resolve.sessions, "Their sessions.", cost=5)
    customer: CustomerType | None = field(
        resolve.customer, "Their data as a customer, if they are one."
    )
    staff: StaffType | None = field(resolve.staff, "Their data as store staff, if they are.")
    rider: RiderDeskType | None = field(
        riders.viewer_rider, "Their data as a rider, if they are one."
    )
    support_agent: SupportAgentType | None = field(
        resolve.support_agent, "Their data as a support agent, if they are one."
    )


ViewerUpdateError = Annotated[
    NotFoundType | InvalidInputType,
    strawberry.union("ViewerUpdateError", description="Problems that `viewerUpdate` can return."),
]


@backed_by(resolve.PersonOutcome, "Result of `viewerUpdate`.")
class ViewerUpdatePayload:
    user: UserType | None = column("The person as they are now.")
    errors: list[ViewerUpdateError] = column("The problems; empty if the mutation succeeded.")
