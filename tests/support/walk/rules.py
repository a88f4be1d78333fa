"""The rules of who may see what, as data, said again independently of the product.

A rule names its one place in the product, the parties, the rows that nobody else may learn of, and
the values that are for fewer people than their row. An app needs one of the scopes as well.
"""

from itertools import chain

from database.base import Base
from models.accounts import Address, Invitation, Membership, User
from models.alerts import StockAlert
from models.catalog import ScheduledPrice
from models.counter_sales import PosSale
from models.counting import StockCount
from models.delivery import Delivery, DeliveryOffer, DeliveryTrack
from models.files import File
from models.fulfillment import Fulfillment, FulfillmentLine, PutBackLine, Substitution
from models.identity import AppScope, SignInSession
from models.imports import StockBulkUpdate, StockImport, StockImportFile
from models.integrations import App, AppSecret, WebhookDelivery, WebhookEndpoint
from models.orders import Order, OrderChange, OrderLine
from models.payments import Dispute, Payment, Refund
from models.purchasing import GoodsReceipt, PurchaseOrder, Supplier
from models.riders import Rider, RiderLocation
from models.stock import StockBatch, StockMovement
from models.support import Ticket, TicketMessage
from models.transfers import StockTransfer, StockTransferLine
from tests.support.walk import parties
from tests.support.walk.parties import Party
from tests.support.walk.walk_rule import SCOPE, WalkRule, rows_rule, values_rule

COVERS = "resolvers.rules.Rule.covers"
OPERATES = "services.core.access.may_operate_store"
ENDPOINTS = "services.integrations.webhook_endpoint_states.may_manage_endpoint"
OF_ORDER: tuple[Party, ...] = (parties.own, parties.works, parties.supports)
RECIPIENT: tuple[Party, ...] = (parties.own, parties.supports, parties.works_while_open)


S = AppScope
PLACE = ("latitude", "longitude")
RULES: tuple[WalkRule, ...] = (
    rows_rule("orders", OF_ORDER, Order, OrderChange, Payment, Refund, scope=S.ORDERS_READ),
    rows_rule("lines of orders", OF_ORDER, OrderLine, scope=(S.ORDERS_READ, S.FULFILLMENTS_READ)),
    rows_rule(
        "disputes",
        (parties.administers, parties.supports),
        Dispute,
        apps=False,
        place="services.payments.disputes.may_see",
    ),
    rows_rule(
        "fulfillments",
        OF_ORDER,
        Fulfillment,
        FulfillmentLine,
        Substitution,
        scope=S.FULFILLMENTS_READ,
    ),
    rows_rule(
        "put-back lines",
        (parties.works, parties.supports),
        PutBackLine,
        scope=S.FULFILLMENTS_READ,
        place="services.fulfillment.fulfillments.visible_fulfillment",
    ),
    rows_rule("deliveries", (*OF_ORDER, parties.rides), Delivery, scope=S.DELIVERIES_READ),
    rows_rule(
        "offers of deliveries",
        (parties.works, parties.supports, parties.rides),
        DeliveryOffer,
        scope=S.DELIVERIES_READ,
        place="services.operations.nodes._offer",
    ),
    rows_rule(
        "riders",
        (parties.own, parties.manages, parties.supports, parties.works_where_it_rides),
        Rider,
        scope=S.DELIVERIES_READ,
        place="services.delivery.rider_access.can_see_rider",
    ),
    values_rule(
        "positions of riders",
        "services.delivery.rider_access.is_current_position",
        (parties.follows_ride,),
        {RiderLocation: PLACE},
        S.DELIVERIES_READ,
    ),
    rows_rule(
        "tickets",
        (parties.own_talk, parties.supports, parties.integrates),
        Ticket,
        TicketMessage,
        scope=S.TICKETS_READ,
        place="services.orders.ticket_states.may_see",
    ),
    values_rule(
        "recipients",
        "services.core.access.may_see_recipient",
        RECIPIENT,
        {
            Order: ("customer_name", "address_line", "delivery_instructions", *PLACE),
            Fulfillment: ("customer_name",),
        },
        S.CUSTOMERS_READ,
    ),
    values_rule(
        "recipients on a ride",
        "services.core.access.may_see_recipient",
        (*RECIPIENT, parties.rides_now),
        {Delivery: ("customer_name", "address_line", "delivery_instructions", *PLACE)},
        S.CUSTOMERS_READ,
    ),
    values_rule(
        "codes of customers",
        "resolvers.orders.orders.delivery_pin",
        (parties.own,),
        {Order: ("delivery_pin",), Payment: ("client_secret", "next_action_url")},
        apps=False,
    ),
    values_rule(
        "codes for the handover",
        COVERS,
        (parties.works,),
        {Fulfillment: ("handover_code",)},
        S.FULFILLMENTS_READ,
    ),
    values_rule(
        "codes of returns",
        "resolvers.delivery.deliveries.return_code",
        (parties.awaits_return,),
        {Delivery: ("return_code",)},
        S.DELIVERIES_READ,
    ),
    values_rule(
        "tracks",
        COVERS,
        (parties.works, parties.supports),
        {DeliveryTrack: ("line",)},
        S.DELIVERIES_READ,
    ),
    values_rule(
        "notes of the staff",
        COVERS,
        (parties.works, parties.supports),
        {Delivery: ("override_note",), Fulfillment: ("override_note",)},
        (S.DELIVERIES_READ, S.FULFILLMENTS_READ),
    ),
    values_rule(
        "notes on failed attempts",
        COVERS,
        (parties.works, parties.supports),
        {Delivery: ("failure_note",)},
        S.CUSTOMERS_READ,
    ),
    values_rule(
        "notes on cancellations",
        COVERS,
        (parties.works, parties.supports),
        {Order: ("cancel_note",)},
        S.CUSTOMERS_READ,
    ),
    values_rule(
        "notes of support",
        COVERS,
        (parties.supports,),
        {
            Order: ("reopen_note",),
            Refund: ("note", "resolution", "last_error"),
            Payment: ("last_error",),
        },
        apps=False,
    ),
    values_rule(
        "refusals of payments",
        "services.core.access.may_see_refusals",
        (parties.own, parties.supports),
        {Payment: ("failure_code", "failure_message"), Refund: ("failure_message",)},
        apps=False,
    ),
    values_rule(
        "contacts of people",
        "services.accounts.people.may_contact",
        (parties.oneself, parties.contacts),
        {User: ("email", "phone")},
        S.CUSTOMERS_READ,
    ),
    values_rule(
        "names of people",
        SCOPE,
        (parties.oneself, parties.colleagues),
        {User: ("name",)},
        S.CUSTOMERS_READ,
    ),
    rows_rule("addresses and sessions", (parties.own,), Address, SignInSession, apps=False),
    rows_rule(
        "invitations",
        (parties.manages_there, parties.invited_by),
        Invitation,
        apps=False,
        place="services.accounts.invitation_states.may_manage",
    ),
    rows_rule(
        "roles",
        (parties.own, parties.manages),
        Membership,
        apps=False,
        place="services.accounts.memberships.grantable_roles",
    ),
    rows_rule(
        "apps",
        (parties.administers,),
        App,
        AppSecret,
        apps=False,
        place="services.integrations.apps.may_manage_apps",
    ),
    rows_rule(
        "webhooks",
        (parties.administers,),
        WebhookEndpoint,
        WebhookDelivery,
        scope=S.WEBHOOKS_READ,
        place=ENDPOINTS,
    ),
    rows_rule("sales at the counter", (parties.works,), PosSale, apps=False, place=OPERATES),
    rows_rule(
        "scheduled prices", (parties.works,), ScheduledPrice, scope=S.PRICES_READ, place=OPERATES
    ),
    rows_rule(
        "batches",
        (parties.works, parties.supports),
        StockBatch,
        scope=(S.STOCK_READ, S.FULFILLMENTS_READ),
        place=OPERATES,
    ),
    rows_rule(
        "stock",
        (parties.works,),
        StockAlert,
        StockCount,
        StockMovement,
        StockBulkUpdate,
        scope=S.STOCK_READ,
        place=OPERATES,
    ),
    rows_rule(
        "transfers",
        (parties.works_at_either_end,),
        StockTransfer,
        StockTransferLine,
        scope=S.STOCK_READ,
        place="services.transfers.transfer_states.may_see",
    ),
    rows_rule(
        "imports",
        (parties.own, parties.administers),
        StockImport,
        apps=False,
        place="services.imports.stock_imports.may_see",
    ),
    rows_rule("uploads", (parties.own,), StockImportFile, apps=False),
    rows_rule(
        "files",
        (parties.sends, parties.works_in_company_of_file, parties.supports_file),
        File,
        apps=False,
        place="services.files.purposes.may_see",
    ),
    rows_rule(
        "purchases",
        (parties.works,),
        PurchaseOrder,
        GoodsReceipt,
        scope=S.SUPPLY_READ,
        place=OPERATES,
    ),
    rows_rule(
        "suppliers",
        (parties.works_in_company,),
        Supplier,
        scope=S.SUPPLY_READ,
        place="services.purchasing.suppliers.may_manage_suppliers",
    ),
)
RULE_OF_ROWS = {model: rule for rule in RULES for model in rule.rows}
RULE_OF_VALUE = {
    (model, column): rule
    for rule in RULES
    for model, columns in rule.values.items()
    for column in columns
}
GUARDED = tuple(dict.fromkeys(chain(RULE_OF_ROWS, (model for model, _ in RULE_OF_VALUE))))


def rule_of_value(model: type[Base], column: str) -> WalkRule:
    """The rule of a value: its own, or that of its row."""
    return RULE_OF_VALUE.get((model, column)) or RULE_OF_ROWS[model]
