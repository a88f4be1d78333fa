"""The only place that knows uvicorn's internals: its protocol classes and their attributes.

uvicorn documents `Config` and `Server`; how its protocols work inside may change in any release.
tests/server/transport/test_uvicorn_internals.py names the version that this package was checked
against, and each attribute that it relies on.
"""

CHECKED_VERSION = "0.54.0"
"""The version of uvicorn that this package was checked against."""
