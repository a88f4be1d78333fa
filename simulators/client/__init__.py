"""A real client of the graph: HTTP for queries and mutations, graphql-transport-ws for streams."""

from simulators.client.graph import Failed, GraphClient
from simulators.client.tally import Tally

__all__ = ["Failed", "GraphClient", "Tally"]
