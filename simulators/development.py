"""Simulators exist in development only: outside of it they would be paid by nobody."""

import os


def require_development(name: str) -> None:
    """End the process with a sentence unless DARKSTORE_ENV is development."""
    if os.environ.get("DARKSTORE_ENV", "").strip().lower() != "development":
        raise SystemExit(
            f"{name}: DARKSTORE_ENV is not development, and simulators are for development and"
            " tests only."
        )
