"""Where the project's files are."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OPERATIONS = ROOT / "docs" / "operations"
"""The client operations: a GraphQL document each, and its variables beside it."""
