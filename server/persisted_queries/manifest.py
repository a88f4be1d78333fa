"""The manifest: the documents that our own apps send, each under its SHA-256."""

import json
import re
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from server.settings import BadSetting

OPERATIONS = Path(__file__).resolve().parents[2] / "docs" / "operations"
HEAD_COMMENT = re.compile(r"\A(#.*\n)+")


def hash_of(document: str) -> str:
    """The id of a document: its SHA-256 in hexadecimal."""
    return sha256(document.encode()).hexdigest()


def first_party_documents() -> dict[str, str]:
    """The documents of docs/operations, without the comments at their heads."""
    texts = [
        HEAD_COMMENT.sub("", file.read_text()).strip()
        for file in sorted(OPERATIONS.glob("*.graphql"))
    ]
    return {hash_of(text): text for text in texts}


def load_manifest(file: str | None) -> dict[str, str]:
    """The manifest in a file, or that of our own apps; raises BadSetting for an invalid file."""
    if file is None:
        return first_party_documents()
    try:
        manifest: object = json.loads(Path(file).read_text())
    except (OSError, ValueError) as error:
        raise BadSetting(f"DARKSTORE_MANIFEST can't be read: {error}.") from None
    if not isinstance(manifest, Mapping):
        raise BadSetting("DARKSTORE_MANIFEST is no object of documents by their SHA-256.")
    for name, text in manifest.items():
        if not isinstance(text, str) or hash_of(text) != name:
            raise BadSetting(f"DARKSTORE_MANIFEST: {name[:64]} is not the SHA-256 of its document.")
    return dict(manifest)
