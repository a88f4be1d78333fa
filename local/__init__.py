"""Private PostgreSQL and Valkey for one working copy, with the standard library alone."""

from local.instance import Instance, start
from local.problem import Problem

__all__ = ["Instance", "Problem", "start"]
