"""Executes GraphQL documents: limits first, then a plan compiled once and run level by level."""

from execution.answer import Answer
from execution.engine import Engine
from execution.limits import Limits
from execution.prepared import Prepared

__all__ = ["Answer", "Engine", "Limits", "Prepared"]
