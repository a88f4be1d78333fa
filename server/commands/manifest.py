"""`python -m server manifest`: print the documents of our own apps, by their SHA-256."""

import json
import sys
from collections.abc import Mapping, Sequence

from server.persisted_queries.manifest import first_party_documents


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Write the manifest to standard output, as JSON for the setting DARKSTORE_MANIFEST."""
    json.dump(first_party_documents(), sys.stdout, indent=2)
    sys.stdout.write("\n")
    return 0
