"""What operators see of the process that answers them."""

from resolvers.context import Info
from workflows import operations as queues


def operations(info: Info) -> queues.Operations:
    house = info.context.house
    return queues.look(house.database, house.combiner, house.positions)
