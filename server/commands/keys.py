"""`python -m server keys rotate`: let the next key sign access tokens."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from services.identity.access_tokens import KEPT_SECONDS, TooManyKeys, load_keys, rotate_keys


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """0 when done: running servers follow within seconds, and nobody is signed out by it."""
    name = environment.get("DARKSTORE_KEYS_FILE", "").strip()
    if list(arguments) != ["rotate"]:
        print("usage: python -m server keys rotate", file=sys.stderr)
        return 2
    if not name:
        print("keys: DARKSTORE_KEYS_FILE is not set.", file=sys.stderr)
        return 1
    file = Path(name)
    try:
        before = load_keys(file).keys[0].kid
        rotate_keys(file)
        after = load_keys(file).keys[0].kid
    except (OSError, TooManyKeys) as error:
        print(f"keys: {error}", file=sys.stderr)
        return 1
    print(f"keys: {after} signs; {before} verifies for {KEPT_SECONDS // 60} minutes more.")
    return 0
