"""The rows that the input of a mutation names, and who may act on them."""

from collections.abc import Iterator
from typing import Any

from attack.extremes.samples import contains_id
from database.base import Base
from models.companies import Company
from models.identity import Actor, Role
from models.ids import MODELS, decode_id
from models.stores import Store
from tests.support.order_rows import Keys
from tests.support.walk.graph_walk import SHAPE
from tests.support.walk.parties import STORE_ROLES, SUPPORT_ROLES, IdOf, World
from tests.support.walk.rules import RULE_OF_ROWS
from tests.support.walk.walked_world import ids_of

assert SHAPE.mutation_type is not None
MUTATIONS = {
    name: declared
    for name, declared in SHAPE.mutation_type.fields.items()
    if any(contains_id(argument.type) for argument in declared.args.values())
}
# An argument that has another meaning in one mutation.
NAMES = {
    ("webhookDeliveryRetry", "deliveryId"): "webhookDeliveryId",
    ("fulfillmentPutBack", "lineId"): "putBackLineId",
}
# A store and its products are named by whoever buys there.
BY_CUSTOMERS = {"cartLinesSet", "orderPlace", "orderChange"}


def named_rows(world: World, variables: Any) -> Iterator[Base]:
    """The rows of the world whose ids are in the variables."""
    if isinstance(variables, dict):
        variables = list(variables.values())
    if isinstance(variables, list):
        for one in variables:
            yield from named_rows(world, one)
    elif isinstance(variables, str) and variables[:3] in MODELS:
        model: Any = MODELS[variables[:3]]
        key: Any = decode_id(model, variables)
        row = world.rows[model].get(key)
        if row is not None:
            yield row


def may_act(world: World, actor: Actor, row: Base, name: str) -> bool:
    """Whether a person is a party of a row that an input names."""
    if isinstance(row, Store):
        staff = actor.has_store_role(row.company_id, row.id, STORE_ROLES)
        return staff or name in BY_CUSTOMERS
    if isinstance(row, Company):
        roles = STORE_ROLES | SUPPORT_ROLES | {Role.RIDER}
        works = any(g.role in roles and g.company_id in (None, row.id) for g in actor.grants)
        return works or name in BY_CUSTOMERS
    rule = RULE_OF_ROWS.get(type(row))
    return rule is None or rule.permits(world, actor, row)


def ids_for(mutation: str, keys: Keys) -> IdOf:
    """The ids of a situation, for a mutation's arguments."""
    id_of = ids_of(keys)
    return lambda argument: id_of(NAMES.get((mutation, argument), argument))
