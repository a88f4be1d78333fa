"""Paths of PDF documents on this server; relative, so that they work behind any host name."""

import strawberry

from models.counter_sales import PosSale
from models.fulfillment import Fulfillment
from models.ids import encode_id
from models.stores import Store
from resolvers.context import Info
from services.core.access import may_operate_store
from services.fulfillment.fulfillments import VIEWER_ROLES


def packing_slip_url(parent: strawberry.Parent[Fulfillment], info: Info) -> str | None:
    if not info.context.actor.has_store_role(parent.company_id, parent.store_id, VIEWER_ROLES):
        return None
    return f"/documents/packing-slips/{encode_id(Fulfillment, parent.id)}.pdf"


def manifest_url(parent: strawberry.Parent[Store], info: Info) -> str | None:
    if not may_operate_store(info.context.actor, parent.company_id, parent.id):
        return None
    return f"/documents/manifests/{encode_id(Store, parent.id)}.pdf"


def receipt_url(parent: strawberry.Parent[PosSale]) -> str:
    return f"/documents/receipts/{encode_id(PosSale, parent.id)}.pdf"
