"""Where paper is read: paths on this server, so that they hold behind any name it is given."""

import strawberry

from models.counter_sales import CounterSale
from models.fulfillment import Fulfillment
from models.ids import encode
from models.stores import Store
from resolvers.context import Info
from services.core.access import works_in
from services.fulfillment.fulfillments import SEEN_BY


def packing_slip_url(parent: strawberry.Parent[Fulfillment], info: Info) -> str | None:
    if not info.context.actor.works_at(parent.company_id, parent.store_id, SEEN_BY):
        return None
    return f"/documents/packing-slips/{encode(Fulfillment, parent.id)}.pdf"


def manifest_url(parent: strawberry.Parent[Store], info: Info) -> str | None:
    if not works_in(info.context.actor, parent.company_id, parent.id):
        return None
    return f"/documents/manifests/{encode(Store, parent.id)}.pdf"


def receipt_url(parent: strawberry.Parent[CounterSale]) -> str:
    return f"/documents/receipts/{encode(CounterSale, parent.id)}.pdf"
