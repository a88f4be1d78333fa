"""A real client of the graph: HTTP for queries and mutations, graphql-transport-ws for streams."""

from simulators.client.graph import GraphClient, RequestFailed
from simulators.client.tally import RequestStatistics

__all__ = ["GraphClient", "RequestFailed", "RequestStatistics"]
