"""Statistics of the process that answers the request, for operators."""

from resolvers.context import Info
from workflows.operations import ProcessStats, read_process_stats


def process_stats(info: Info) -> ProcessStats:
    container = info.context.container
    return read_process_stats(container.database, container.reservation_queue, container.positions)
