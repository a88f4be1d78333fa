"""Private PostgreSQL and Valkey for one working copy, with the standard library alone."""

from local.errors import LocalError
from local.instance import Instance, start

__all__ = ["Instance", "LocalError", "start"]
