"""`python -m server rules`: print the table of access rules, committed as docs/rules.md."""

import sys
from collections.abc import Mapping, Sequence

from schema.rules_table import rules_table


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Write the table to standard output."""
    sys.stdout.write(rules_table())
    return 0
