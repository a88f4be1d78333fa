"""`python -m server schema`: print the public schema."""

from collections.abc import Mapping, Sequence

from schema.root import graph


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Print the schema in the schema definition language."""
    print(graph.as_str())
    return 0
