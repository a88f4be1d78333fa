"""Paths of the project's files."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OPERATIONS = ROOT / "docs" / "operations"
"""The client operations: one GraphQL document each, with its variables as JSON."""
