"""The documents that our own apps send, each under its SHA-256."""

import json
import re
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from server.settings import BadSetting

OPERATIONS = Path(__file__).resolve().parents[2] / "docs" / "operations"
HEAD = re.compile(r"\A(#.*\n)+")


def hash_of(document: str) -> str:
    """The name of a document: its SHA-256 in hexadecimal."""
    return sha256(document.encode()).hexdigest()


def first_party() -> dict[str, str]:
    """The documents of docs/operations, without the notes at their heads."""
    texts = [file.read_text() for file in sorted(OPERATIONS.glob("*.graphql"))]
    return {hash_of(text): text for text in (HEAD.sub("", one).strip() for one in texts)}


def load(file: str | None) -> dict[str, str]:
    """The manifest in a file, or our own apps'; raises BadSetting for one that can't be right."""
    if file is None:
        return first_party()
    try:
        found: object = json.loads(Path(file).read_text())
    except (OSError, ValueError) as fault:
        raise BadSetting(f"DARKSTORE_MANIFEST can't be read: {fault}.") from None
    if not isinstance(found, Mapping):
        raise BadSetting("DARKSTORE_MANIFEST is no object of documents by their SHA-256.")
    for name, text in found.items():
        if not isinstance(text, str) or hash_of(text) != name:
            raise BadSetting(f"DARKSTORE_MANIFEST: {name[:64]} is not the SHA-256 of its document.")
    return dict(found)
