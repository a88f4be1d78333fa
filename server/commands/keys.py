"""`python -m server keys rotate`: sign access tokens with the next key."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from server.settings.declarations import KEYS_FILE
from services.identity.access_tokens import RETIRED_KEY_SECONDS, TooManyKeys, load_keys, rotate_keys


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Rotate the keys; running servers follow within seconds, and no session ends by it."""
    if list(arguments) != ["rotate"]:
        print("usage: python -m server keys rotate", file=sys.stderr)
        return 2
    file = Path(KEYS_FILE.read(environment))
    try:
        before = load_keys(file).keys[0].kid
        rotate_keys(file)
        after = load_keys(file).keys[0].kid
    except TooManyKeys as error:
        print(f"keys: {error}", file=sys.stderr)
        return 1
    print(f"keys: {after} signs; {before} verifies for {RETIRED_KEY_SECONDS // 60} minutes more.")
    return 0
