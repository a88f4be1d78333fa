"""What database and provider say of a company's orders after a run, read once."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from tests.support.faults.process_group import ServerGroup
from tests.support.faults.provider_control import ProviderControl

ORDERS = """
select o.id, o.status, o.cancel_reason, o.final_total_minor, o.cancellation_fee_minor,
    exists (select from event e where e.stream = 'order:' || o.id
        and e.type = 'PAYMENT_REOPENED') as reopened,
    exists (select from ticket t where t.order_id = o.id and t.category in ('PAYMENT', 'NOT_PAID')
        and t.status <> 'RESOLVED') as has_case,
    coalesce((select sum(quantity) from order_line l where l.order_id = o.id), 0) as units,
    coalesce((select -sum(on_hand_delta) from stock_entry s where s.company_id = o.company_id
        and s.reference = o.id::text), 0) as sold_units
from "order" o where o.company_id = $1
"""
PAYMENTS = "select * from payment where company_id = $1 order by id"
REFUNDS = "select * from refund where company_id = $1 order by id"


@dataclass
class OrderRecord:
    """An order with its payment attempts and refunds; `intents` are the provider's."""

    id: UUID
    status: str
    cancel_reason: str | None
    final_total_minor: int | None
    cancellation_fee_minor: int
    reopened: bool
    has_case: bool
    units: int
    sold_units: int
    payments: list[Mapping[str, Any]] = field(default_factory=list, repr=False)
    refunds: list[Mapping[str, Any]] = field(default_factory=list, repr=False)
    intents: list[dict[str, Any]] = field(default_factory=list, repr=False)

    @property
    def current(self) -> Mapping[str, Any]:
        """The current payment attempt."""
        (payment,) = (one for one in self.payments if one["is_current"])
        return payment


@dataclass(frozen=True)
class RunRecords:
    """The orders of a company by id; `strays` are intents of the company without a payment."""

    orders: Mapping[UUID, OrderRecord]
    strays: Sequence[dict[str, Any]]
    refunds_by_intent: Mapping[str, Sequence[dict[str, Any]]]


async def read_records(
    servers: ServerGroup, provider: ProviderControl, company_id: UUID
) -> RunRecords:
    """Read everything of a company: our rows as the database's owner, the provider's by its API."""
    rows = await servers.fetch(ORDERS, company_id)
    orders = {row["id"]: OrderRecord(**row) for row in rows}
    by_payment: dict[str, OrderRecord] = {}
    for payment in await servers.fetch(PAYMENTS, company_id):
        order = orders[payment["order_id"]]
        order.payments.append(payment)
        by_payment[str(payment["id"])] = order
    for refund in await servers.fetch(REFUNDS, company_id):
        orders[refund["order_id"]].refunds.append(refund)
    refunds: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for refund in await provider.objects("refunds"):
        refunds[refund["payment_intent"]].append(refund)
    strays: list[dict[str, Any]] = []
    for intent in await provider.objects("payment_intents"):
        if intent["metadata"]["company_id"] == str(company_id):
            order_of_intent = by_payment.get(intent["metadata"]["payment_id"])
            (strays if order_of_intent is None else order_of_intent.intents).append(intent)
    return RunRecords(orders, strays, refunds)
