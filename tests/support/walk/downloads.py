"""Routes outside the graph that answer with the content of a row, and who may have it."""

from dataclasses import dataclass
from typing import Any

from database.base import Entity
from models.counter_sales import PosSale
from models.fulfillment import Fulfillment
from models.identity import Actor
from models.imports import StockImport
from models.stores import Store
from tests.support.walk import parties
from tests.support.walk.parties import STORE_ROLES, Party, World


def works_in(world: World, actor: Actor, store: Any) -> bool:
    return actor.has_store_role(store.company_id, store.id, STORE_ROLES)


def imports(world: World, actor: Actor, row: Any) -> bool:
    """Whoever started it, and admins: an import without a list of stores is for all of them."""
    started = actor.signed_in and row.started_by_id == actor.person_id
    return started or parties.administers(world, actor, row)


@dataclass(frozen=True)
class Download:
    """A route that answers with the content of a row: the row's model and who may have it."""

    model: type[Entity]
    parties: tuple[Party, ...]


DOWNLOADS = {
    "/documents/packing-slips/{id}.pdf": Download(Fulfillment, (parties.works, parties.supports)),
    "/documents/manifests/{id}.pdf": Download(Store, (works_in,)),
    "/documents/receipts/{id}.pdf": Download(PosSale, (parties.works,)),
    "/imports/{id}/errors.csv": Download(StockImport, (imports,)),
}
